"""What requests cost apart from what they waited for."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest

from workbench.llm import meter as metering
from workbench.llm import worker as working
from workbench.llm.meter import Meter, current
from workbench.llm.worker import Served, Ticket, Worker


class Clock:
    """A clock that is turned by hand; also what worker and meter take for ``time``."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (metering, working):
        monkeypatch.setattr(module, "time", made)
    return made


@dataclass
class Batch:
    """A part that works on everything it has in one step of ten seconds."""

    clock: Clock
    jobs: deque[tuple[Ticket[str], int]] = field(default_factory=deque)

    def add(self, job: tuple[Ticket[str], int]) -> None:
        self.jobs.append(job)

    @property
    def busy(self) -> bool:
        return len(self.jobs) == 3

    def step(self) -> Served:
        self.clock.now += 10
        served = list(self.jobs)
        self.jobs.clear()
        for ticket, _ in served:
            ticket.resolve("done")
        return served

    def fail(self, error: BaseException) -> None:
        for ticket, _ in self.jobs:
            ticket.fail(error)

    def close(self) -> None:
        pass


def test_a_step_is_shared_by_those_it_was_for(clock: Clock) -> None:
    part = Batch(clock)
    worker = Worker()

    async def ask(*weights: int) -> Meter:
        with Meter() as meter:
            tickets = [Ticket[str]() for _ in weights]
            waits = [asyncio.ensure_future(ticket.wait()) for ticket in tickets]
            await asyncio.sleep(0)  # all of them wait before the first can be worked on
            for ticket, weight in zip(tickets, weights, strict=True):
                worker.submit(lambda: part, (ticket, weight), ticket.fail)
            await asyncio.gather(*waits)
        return meter

    async def both() -> list[Meter]:
        return await asyncio.gather(ask(6), ask(3, 1))

    first, second = asyncio.run(both())
    worker.close()
    assert (first.computed, second.computed) == (pytest.approx(6.0), pytest.approx(4.0))
    assert first.wall == first.waited == pytest.approx(10.0)
    assert second.waited == pytest.approx(10.0)  # both of its requests were on their way together
    assert (first.ms, second.ms) == (pytest.approx(6000.0), pytest.approx(4000.0))


def test_own_work_counts_and_waiting_does_not(clock: Clock) -> None:
    with Meter() as outer:
        clock.now += 1
        with Meter() as inner:
            with inner.waiting():
                clock.now += 5
            inner.add(2)
            clock.now += 3
    assert (inner.ms, outer.ms) == (pytest.approx(5000.0), pytest.approx(6000.0))
    assert (outer.waited, outer.computed) == (pytest.approx(5.0), pytest.approx(2.0))
    assert current() is None
