"""Words in every script."""

import unicodedata

import pytest

from workbench.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mira's cat, 3 years_old!", ["mira", "s", "cat", "3", "years", "old"]),
        ("Zoë läuft nach Łódź", ["zoë", "läuft", "nach", "łódź"]),
        ("Где живёт Мира?", ["где", "живёт", "мира"]),
        ("איפה גרה מירה?", ["איפה", "גרה", "מירה"]),
        ("我住在北京。", ["我住", "住在", "在北", "北京"]),
        ("猫", ["猫"]),
        ("iPhone15を東京で買った", ["iphone15", "を東", "東京", "京で", "で買", "買っ", "った"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("", []),
    ],
)
def test_words(text: str, found: list[str]) -> None:
    assert words(text) == found
    assert words(unicodedata.normalize("NFD", text)) == found
