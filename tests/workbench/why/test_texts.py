"""Hints from words: right in more than one language, and never more than hints."""

import pytest

from workbench.memory.languages import time_words
from workbench.sessions.model import Session, Turn
from workbench.why.case import _some, _spoken, prepare
from workbench.why.texts import Rarity, names, same_day, same_number, tokens


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("Mira: I live in Oslo.", "Oslo", True),
        ("Mira: I live in OSLO!", "oslo", True),
        ("Mira: I live in Osloville.", "Oslo", False),
        ("They told four pets.", "4", True),
        ("It was on May 7, 2023.", "7 May 2023", True),
        ("May I come at 7?", "7 May 2023", False),
        ("彼は東京に住んでいる。", "東京", True),
        ("彼は大阪に住んでいる。", "東京", False),
        ("Он живёт в Москве", "Москве", True),
        ("anything", "", False),
        ("The end.", "the", False),
        ("ein Vorhaben mit 2.600 Euro", "600", False),
        ("ein Vorhaben mit 2.600 Euro", "2,600", True),
        ("1,234.50 dollars", "1234.50", True),
        ("um 18.30 Uhr", "18:30", True),
        ("am 28.03.2026", "28", True),
        ("0.125 and 1,2,3", "3", True),
    ],
)
def test_names(text: str, gold: str, expected: bool) -> None:
    assert names(text, [gold]) is expected


@pytest.mark.parametrize(
    ("text", "gold", "expected"),
    [
        ("moved to 2026-04-11", "11 April", True),
        ("moved to 2026-04-11", "11 April 2025", False),
        ("am 11. April", "2026-04-11", True),
        ("am 11. Mai", "11 May", True),
        ("April is near, 11 days", "11 tables", False),
        ("on 2026-04-11", "11 April in Oslo", False),
    ],
)
def test_a_day_in_any_form(text: str, gold: str, expected: bool) -> None:
    assert same_day(text, gold, ("en", "de")) is expected


def test_any_gold_is_enough() -> None:
    assert names("There were 4.", ["four", "quatre"])
    assert not names("There were 4.", [])


def test_tokens_of_scripts_without_spaces_are_pairs() -> None:
    assert tokens("Mira: 東京都 2x") == ["mira", "東京", "京都", "2x"]


def test_rare_words_weigh_more() -> None:
    rarity = Rarity(["I like tea", "I like milk", "I like rain", "I like tea and jazz"])
    assert rarity.share("jazz", "I like jazz") > 0.5 > rarity.share("I like", "I like jazz")
    assert rarity.share("I like jazz", "I like jazz") == pytest.approx(1)
    assert rarity.share("anything", "") == 0


def test_what_a_gold_says_beyond_its_evidence_need_not_be_said() -> None:
    rarity = Rarity(["Mira: I live in Oslo", "Tom: I like tea", "Tom: I know"])
    evidence = "Mira: I live in Oslo"
    assert rarity.covered("Oslo as far as I know", evidence, "Oslo") > 0.8
    assert rarity.covered("Oslo, Norway", evidence, "Norway") == 0
    assert rarity.covered("four", evidence, "four") == 0


def test_without_a_number_in_common_there_is_no_day_in_common() -> None:
    assert same_number("2026-04-11", "11 April") and same_number("十一月11日", "on the 11th")
    assert not same_number("in 2011, 110 of them", "11 April") and not same_number("", "")


def test_what_is_prepared_is_not_looked_up_again() -> None:
    turns = tuple(Turn(n, "user", f"Wir treffen uns am {n + 1}. April mit den anderen.") for n in range(300))
    told = Session("s", turns, ())
    prepare(told)
    before = time_words.cache_info().misses
    assert _spoken(_some(told)) == ("de",) and len(_some(told)) == 100
    assert same_day(turns[10].text, "11 April", ("de",)) and time_words.cache_info().misses == before
    prepare(Session("empty", (), ()))
