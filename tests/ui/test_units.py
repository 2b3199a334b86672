import pytest

from ui.widgets import units


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.01, "< 0.1 ms"), (0.4, "0.4 ms"), (38, "38 ms"), (380, "0.38 s"), (12_000, "12 s"), (185_000, "3 min 5 s")],
)
def test_durations(value: float, said: str) -> None:
    assert units.ms(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0 B"), (812, "812 B"), (4300, "4.2 KiB"), (32 << 20, "32 MiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes(value: int, said: str) -> None:
    assert units.size(value) == said


def test_counts_shares_and_tokens() -> None:
    assert [units.count(n, "item") for n in (0, 1, 1204)] == ["0 items", "1 item", "1,204 items"]
    assert units.count(2, "entry", "entries") == "2 entries"
    assert [units.percent(s) for s in (0, 0.004, 0.62, 1)] == ["0 %", "0.4 %", "62 %", "100 %"]
    assert units.tokens(1204) == "1,204 tok"


@pytest.mark.parametrize(
    ("value", "said"), [(3, "10 s"), (42, "40 s"), (59, "1 min"), (190, "3 min"), (3650, "1 h"), (7900, "2 h 10 min")]
)
def test_what_is_left_is_no_finer_than_it_is_known(value: float, said: str) -> None:
    assert units.still(value) == said
