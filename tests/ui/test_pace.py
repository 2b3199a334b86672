"""How long the run at work will still take."""

from typing import Any

from ui.state.pace import Remaining


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def told(remaining: Remaining, clock: Clock, steps: range, seconds: float, total: int = 1000) -> list[float | None]:
    found = []
    for done in steps:
        clock.now += seconds
        found.append(remaining.after(done, total))
    return found


def test_nothing_is_told_before_it_can_be_known() -> None:
    clock = Clock()
    remaining = Remaining(clock)
    assert told(remaining, clock, range(1, 6), 2.0) == [None] * 5
    assert remaining.after(6, 1000) == 8.0 / 5 * 994
    assert told(Remaining(clock), clock, range(1, 40), 0.01) == [None] * 39, "too short a time says nothing"


def test_the_last_steps_count_and_a_resumed_run_is_not_fast() -> None:
    clock = Clock()
    remaining = Remaining(clock)
    assert told(remaining, clock, range(500, 520), 1.0)[-1] == 481.0
    slower = told(remaining, clock, range(520, 900), 3.0)[-1]
    assert slower is not None and abs(slower - 3.0 * 101) < 6
    assert remaining.after(1000, 1000) == 0.0
    assert remaining.after(3, 1000) is None, "another run begins"


def test_the_bar_says_it_until_the_run_is_paused(window: Any) -> None:
    bar, clock = window.transport, Clock()
    bar._remaining = Remaining(clock)
    window.client.state = "running"
    for done in range(1, 12):
        clock.now += 6.0
        bar._progressed(done, 51, "turn 3")
    assert bar.doing.text() == "about 4 min left · 11 of 51 steps · turn 3"
    window.client._become("paused")
    window.client._become("running")
    bar._progressed(12, 51, "")
    assert bar.doing.text() == "12 of 51 steps"
    window.client._become("finished")
