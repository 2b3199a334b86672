"""Dates in words, and what a turn reads like."""

import pytest

from workbench.sessions.model import Turn
from workbench.sessions.spoken import spoken


@pytest.mark.parametrize(
    ("date", "weekday", "words"),
    [
        ("2023-05-08T13:56", "", "8 May 2023, 13:56"),
        ("2023-05-20T02:21:00", "Saturday", "Saturday, 20 May 2023, 02:21"),
        ("2024-12-01", "", "1 December 2024"),
        ("2024-05-01T10:00:00+00:00", "", "1 May 2024, 10:00"),
        ("", "", ""),
        ("last spring", "", "last spring"),
    ],
)
def test_a_date_in_words(date: str, weekday: str, words: str) -> None:
    assert spoken(date, weekday) == words


def test_a_tool_s_result_is_no_speech() -> None:
    assert Turn(0, "tool", "3 hits", "search").said == "[tool search → 3 hits]"
    assert Turn(0, "tool", "3 hits").said == "[tool → 3 hits]"
    assert Turn(0, "user", "hi", "Ida").said == "Ida: hi"
