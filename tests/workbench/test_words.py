"""Words in every script."""

import unicodedata

import pytest

from workbench.errors import UsageError
from workbench.memory.dates import mentions
from workbench.memory.languages import time_words
from workbench.memory.units import checked
from workbench.probes.generated import longbio
from workbench.probes.scbench import first_number
from workbench.sessions.model import Probe
from workbench.words import numeric, shared, whole, words


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


@pytest.mark.parametrize(
    ("text", "others", "marked"),
    [
        ("The answer is: 9 June 2023, 19:55", ("7 May 2023",), ["2023"]),
        ("She is to go home.", ("Go home",), ["home"]),
        ("No.", ("no",), ["No"]),
        ("ADOPTION agencies", ("adoption agencies!",), ["ADOPTION", "agencies"]),
        ("Nothing of it", ("Oslo",), []),
        ("她研究了收养机构。", ("收养机构",), ["收养机构"]),
        ("Она исследовала агентства", ("агентства по усыновлению",), ["агентства"]),
        ("", ("x",), []),
        ("x", (), []),
    ],
)
def test_what_two_texts_share_is_found_in_any_script(text: str, others: tuple[str, ...], marked: list[str]) -> None:
    found = shared(text, others)
    assert [text[a:b] for a, b in found] == marked
    assert all(a < b for a, b in found) and found == sorted(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("naïve 猫 😀", "naïve 猫 😀"),
        ("\ud83d", "\ufffd"),
        ("a\ude00\ud83db", "a\ufffd\ufffdb"),
        ("\ud83d\ude00", "😀"),
    ],
)
def test_what_cannot_be_encoded_is_no_text(text: str, found: str) -> None:
    assert whole(text) == found
    whole(text).encode()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("007", 7),
        ("\u0663", 3),
        ("\u00b2", -1),
        ("-1", -1),
        ("1.5", -1),
        ("", -1),
        ("x", -1),
        ("1" * 5000, -1),
    ],
)
def test_a_number_is_what_is_written_in_digits_and_no_longer_than_figures_are(text: str, value: int) -> None:
    assert numeric(text) == value


def test_numbers_of_thousands_of_digits_are_words_like_others() -> None:
    """A small model that loops writes them; ``int`` refuses them by a ``ValueError``."""
    long = "1" * 5000
    probe = Probe("p", 0, "How many?", ("7",), "accurate_retrieval", extra={"longbio": "number"})
    assert longbio(probe, long, {}) == longbio(probe, "000", {}) == 0.0 and longbio(probe, "007", {}) == 1.0
    assert first_number(long, ["7"]) == 0.0
    assert [m.day for m in mentions(f"It was on May {long}.", time_words(("en",)))] == [0]
    assert checked("chunk:5") == 5
    with pytest.raises(UsageError):
        checked(f"chunk:{long}")
