"""Languages by their words, and what these say of time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.memory import languages as languages_
from workbench.memory.dates import mentions, offsets
from workbench.memory.languages import languages, scripts, spoken, time_words, wording, written
from workbench.words import words


@pytest.mark.parametrize(("text", "found"), [
    ("I have been there with my sister and she did not like what they had for us.", "en"),
    ("Ich war mit meiner Schwester dort und sie hat nicht gemocht, was es für uns gab.", "de"),
    ("Estuve allí con mi hermana y no le gustó nada de lo que había para nosotros.", "es"),
    ("Я была там с сестрой, и ей не понравилось то, что у них было для нас.", "ru"),
    ("我和妹妹去过那里。", "zh"),
    ("妹と一緒にそこへ行きました。", "ja"),
    ("הייתי שם עם אחותי.", "he"),
])  # fmt: skip
def test_the_language_of_a_text(text: str, found: str) -> None:
    assert languages(words(text)) == (found,)


def test_two_languages_in_two_scripts() -> None:
    both = "I was there with my sister and I liked it. Я была там с сестрой, мне понравилось."
    assert set(languages(words(both))) == {"en", "ru"}
    assert languages(()) == () and scripts("Ada 东京 12") == {"Latin", "Han"}


def test_time_words() -> None:
    time = time_words(("en", "zh"))
    assert (time.months["may"], time.weekdays["fri"], time.units["weeks"], time.number("three")) == (5, 4, "week", 3)
    assert offsets("Three weeks ago I came, and yesterday he did.", time) == [(1, "day"), (3, "week")]
    assert offsets("他两个月前来的。", time) == [(2, "month")]
    (named,) = mentions("We met on the 3rd of May, 2023.", time)
    assert (named.year, named.month, named.day) == (2023, 5, 3)
    assert mentions("You may come.", time) == []


def test_every_file_of_wording_has_its_sections() -> None:
    assert len(written()) >= 15
    for language in written():
        assert all(wording(language, section) for section in ("one value", "another", "when", "you")), language
    assert wording("xx", "you") == ()
    assert [*spoken(("en",), "one value", "she resided in bonn")] == [11]
    assert not [*spoken(("en",), "one value", "she is alive")] and not [*spoken(("xx",), "you", "you")]


def test_a_language_is_read_without_importing_all_of_dateparser() -> None:
    code = "import sys; from workbench.memory.languages import time_words as t; print(t(('de',)).months['märz'], "
    done = subprocess.run([sys.executable, "-c", f"{code}'dateparser' in sys.modules)"], capture_output=True, text=True)
    assert done.stdout.split() == ["3", "False"], done.stderr


def test_an_application_without_the_files_imports_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(languages_, "find_spec", lambda name: None)
    assert languages_._data("de")["march"] and languages_._data("xx") == {}
