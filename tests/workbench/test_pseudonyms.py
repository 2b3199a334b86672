"""Other words for words."""

from __future__ import annotations

import json
import unicodedata

import pytest

from workbench.pseudonyms import Pseudonyms, vocabulary

TEXTS = (
    "Sofia said: SOFIA's hamster, sofia!",
    "Анна живёт в Москве",
    "田中さんは東京に住んでいます",
    "דנה גרה בחיפה",
    "İstanbul, straße, Ⅷ, ﬁne, é and e\u0301",
    "call 4917 555 0199 or 0 or 00 at ３４",
    "https://example.org/a_b?c=d&e=f",
    "",
    "\ud800 half a pair",
)


@pytest.mark.parametrize("text", TEXTS)
def test_length_case_script_and_punctuation_stay(text: str) -> None:
    found = Pseudonyms("key").text(text)
    assert len(found) == len(text)
    for before, after in zip(text, found, strict=True):
        assert before.isalnum() == after.isalnum() or unicodedata.category(before) == "Mn"
        if not before.isalnum() and not unicodedata.combining(before):
            assert before == after
        if before.isascii() and before.isalpha():
            assert before.isupper() == after.isupper()
        if before.isalpha() and ord(before) > 0x250:
            assert unicodedata.name(before).split()[0] == unicodedata.name(after).split()[0]


def test_the_same_word_becomes_the_same_and_two_words_stay_two() -> None:
    names = Pseudonyms("key")
    words = [f"{a}{b}{c}" for a in "bcdf" for b in "aeio" for c in "mnrt"]
    mapped = [names.text(word) for word in words]
    assert len(set(mapped)) == len(words) and not set(mapped) & set(words)
    assert names.text("SOFIA sofia Sofia").lower().split() == [names.text("sofia")] * 3
    assert [names.text(word) for word in words] == mapped


def test_keys_decide() -> None:
    said = "Sofia has a hamster named Biscuit"
    assert Pseudonyms("one").text(said) == Pseudonyms("one").text(said) != Pseudonyms("two").text(said)


def test_dates_stay_dates_of_the_same_weekday_and_distance() -> None:
    names = Pseudonyms("key")
    found = names.text("from 2025-04-01 to 2025-04-13T10:30:00, not 2025-99-99").split()
    first, second = found[1], found[3].rstrip(",")
    from datetime import date

    a, b = date.fromisoformat(first), date.fromisoformat(second[:10])
    assert (b - a).days == 12 and a.weekday() == date(2025, 4, 1).weekday() and a != date(2025, 4, 1)
    assert second.endswith("T10:30:00") and "2025-99-99" not in found


def test_tokens_are_replaced_as_their_text_is() -> None:
    names = Pseudonyms("key")
    pieces = ["So", "fia", " has", " 4", "917", "", "-20", "25-01-01"]
    mapped = names.pieces(pieces)
    assert [len(p) for p in mapped] == [len(p) for p in pieces]
    assert "".join(mapped) == names.text("".join(pieces))


def test_letters_that_json_has_escaped_are_replaced_too() -> None:
    names = Pseudonyms("key")
    raw = json.dumps({"name": "田中", "note": "first\nsecond"})
    found = json.loads(names.text(raw))
    assert names.text("田中") in found.values() and "田" not in str(found)
    assert any("\n" in value for value in found.values())


def test_messages_lose_the_words_of_others_only() -> None:
    names, words = Pseudonyms("key"), vocabulary(["Sofia lives in Porto, 4917"])
    found = names.known("KeyError: 'Sofia' is no item, see 4917; nothing else", words)
    assert "Sofia" not in found and "4917" not in found
    assert found.startswith("KeyError: ") and found.endswith("; nothing else") and "is no item" in found


def test_words_that_run_out_do_not_hang() -> None:
    names = Pseudonyms("key")
    assert {len(names.text(chr(number))) for number in range(0x61, 0x250) if chr(number).isalpha()} == {1}


def test_a_word_without_an_end_is_replaced_in_pieces() -> None:
    names = Pseudonyms("key")
    endless = names.text("x" * 300_000)  # by the letter of one word this took time by the square
    assert len(endless) == 300_000 and endless[:200] == endless[200:400] != "x" * 200
