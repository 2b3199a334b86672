"""Names by their spelling, without a list of any language's words."""

from __future__ import annotations

import pytest

from workbench.memory.names import named, names, written_small

SMALL = written_small(["saw the old lion, what a day", "она видела льва, что за день"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('The old Anna Berg\'s cat is 12 or 120 and "so it is"', ["Anna Berg", "12", "120", "so it is"]),
        ("Mira: The Red Lion is near São Paulo.", ["Mira", "Red Lion", "São Paulo"]),
        ("Она живёт в Санкт-Петербурге с 2023 года.", ["Санкт-Петербурге", "2023"]),
        ("I like Émile Zola", ["Émile Zola"]),
        ("Ο Νίκος ζει στην Αθήνα", ["Νίκος", "Αθήνα"]),
        ("李明搬到了《北京》12月", ["北京"]),
        ("X", []),
        ("nothing here", []),
    ],
)
def test_names_are_what_is_spelled_as_names(text: str, found: list[str]) -> None:
    assert names(text, SMALL) == found


def test_a_sentences_first_word_is_a_name_unless_it_is_written_small_elsewhere() -> None:
    assert names("The Lion sleeps. Oslo is far.") == ["The Lion", "Oslo"]
    assert names("The Lion sleeps. Oslo is far.", {"the"}) == ["Lion", "Oslo"]
    assert "the" in SMALL and "The" not in written_small(["The cat"])


def test_known_names_are_found_in_any_script_and_case() -> None:
    assert named("李明住在北京吗？", ["北京", "上海", "李明"]) == ["北京", "李明"]
    assert named("Where is são paulo?", ["São Paulo", "Paul", "?"]) == ["São Paulo"]
