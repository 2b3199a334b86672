"""Dates: every spelling that files use, and nothing filled in."""

import datetime

import pytest

from workbench.sessions.formats.when import backwards, first, instant, when

SPELT = [
    ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z", ""),
    ("2024-05-01T10:00:00+00:00", "2024-05-01T10:00:00Z", ""),
    ("2024-05-01T10:00:00.500Z", "2024-05-01T10:00:00.5Z", ""),
    ("2024-05-01T10:00:00.123456789+02:00", "2024-05-01T10:00:00.123456+02:00", ""),
    ("2024-05-01 10:00", "2024-05-01T10:00", ""),
    ("2024-05-01", "2024-05-01", ""),
    ("20240501", "2024-05-01", ""),
    ("20240501100005", "2024-05-01T10:00:05", ""),
    ("2024/5/1", "2024-05-01", ""),
    ("2023/05/21 (Sun) 19:50", "2023-05-21T19:50", "Sunday"),
    ("1:56 pm on 8 May, 2023", "2023-05-08T13:56", ""),
    ("12:04 am on 1 January, 2024", "2024-01-01T00:04", ""),
    ("Fri, 03 May 2024 10:00:00 +0200", "2024-05-03T10:00:00+02:00", "Friday"),
    ("Friday, May 3, 2024 at 10:00 AM", "2024-05-03T10:00", "Friday"),
    ("May 3, 2024", "2024-05-03", ""),
    ("2024-05-01T10:00:00 UTC", "2024-05-01T10:00:00Z", ""),
    (1714557600, "2024-05-01T10:00:00Z", ""),
    (1714557600.5, "2024-05-01T10:00:00.5Z", ""),
    (1714557600123, "2024-05-01T10:00:00.123Z", ""),
    (1714557600123456, "2024-05-01T10:00:00.123456Z", ""),
    (1714557600123456789, "2024-05-01T10:00:00.123456Z", ""),
    ("1714557600", "2024-05-01T10:00:00Z", ""),
    ("1714557600123", "2024-05-01T10:00:00.123Z", ""),
    ({"$date": "2024-05-01T10:00:00Z"}, "2024-05-01T10:00:00Z", ""),
    (datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), "2024-05-01T00:00:00Z", ""),
]


@pytest.mark.parametrize(("value", "date", "weekday"), SPELT)
def test_every_spelling(value: object, date: str, weekday: str) -> None:
    found = when(value)
    assert (found.date, found.weekday) == (date, weekday)
    assert instant(found.date) is not None


@pytest.mark.parametrize(
    "value",
    [
        None, "", " ", "soon", "noon", "Monday", "May 2023", "10:00", "2023", "12", "05/08/2023", True, 0, 7,
        -1714557600, 1e300, float("nan"), float("inf"), 10**4000, "9" * 4000, " " * 60_000, "2023-13-01", "1" * 22,
        [], {}, b"2024", "Wed, 01 May 2024 10:00:00 +2400", "1 May 2024 10:00 UTC-30",
    ],
)  # fmt: skip
def test_what_is_no_day_is_no_date(value: object) -> None:
    assert not when(value)


def test_the_day_s_name_does_not_move_the_date() -> None:
    assert when("2023/05/21 (Mon) 19:50") == ("2023-05-21T19:50", "Monday")


def test_the_first_key_that_is_a_date_is_believed() -> None:
    row = {"created": "soon", "timestamp": None, "createdAt": 1714557600, "date": "2020-01-01"}
    assert first(None, {}, row).date == "2024-05-01T10:00:00Z"
    assert not first({"text": "2024-05-01"})


def test_disorder_passes_over_what_has_no_date() -> None:
    assert backwards(["2024-05-02", "", "2024-05-01T23:00:00+00:00", "2024-05-03", "2024-05-02T23:00-05:00"]) == [2]
