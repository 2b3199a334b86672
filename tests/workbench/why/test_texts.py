"""Hints from words: right in more than one language, and never more than hints."""

import pytest

from workbench.why.texts import Rarity, names, same_day, tokens


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
