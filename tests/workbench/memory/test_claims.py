"""What of a stored sentence nobody said, of whom it speaks, and what a turn is worth."""

from __future__ import annotations

import pytest

from workbench.memory.claims import NEAR, Sources
from workbench.sessions.model import Turn


def sources(*said: str, date: str = "", speakers: str = "Ada Kim") -> Sources:
    """A sitting of two who speak in turn."""
    names = speakers.split()
    return Sources([Turn(n, "user", text, names[n % len(names)], date) for n, text in enumerate(said)])


TALK = ("I moved to Leeds with two cats, and my brother came along for the first week.",
        "How lovely! I have never been to Leeds, but I was in York once with my mother.")  # fmt: skip


@pytest.mark.parametrize(("text", "missing"), [
    ("Ada moved to Leeds with 2 cats.", []),
    ("Kim was in York with her Mother.", []),  # the session writes it small
    ("Ada moved to Bath with three cats.", ["bath", "three"]),
    ("Leeds is where Ada lives.", []),
    ("Ada moved on 3 May 2023 with 3 cats.", ["3"]),  # the day is near the turn, the cats are not a day
    ("Ada moved on 3 July 2023.", ["3", "july", "2023"]),
    ("Ada moved in 2019.", ["2019"]),
])  # fmt: skip
def test_what_nobody_said(text: str, missing: list[str]) -> None:
    assert sources(*TALK, date="2023-05-08T10:00").missing(text, [0]) == missing


@pytest.mark.parametrize(("said", "text"), [
    ("I went there yesterday.", "Ada went there on 7 May 2023."),
    ("I went there two months ago.", "Ada went there in March 2023."),
    ("I have lived there for three years.", "Ada has lived there since 2020."),
    ("I have lived there since 2015.", "Ada has lived there for 8 years."),
    ("I go on Friday.", "Ada goes on Friday, 12 May."),
    ("I go next Fri.", "Ada goes on Friday."),
    ("Ich war gestern dort und habe zwei Freunde getroffen.", "Ada war am 7. Mai 2023 dort."),
    ("Ayer fui a la playa con mi hermana y mis primos.", "Ada fue a la playa el 7 de mayo de 2023."),
    ("Вчера я была там с братом, и мы гуляли весь день.", "Ада была там 7 мая 2023 года."),
    ("我昨天去了那里,见了我的老朋友。", "Ada于2023年5月7日去了那里。"),
])  # fmt: skip
def test_a_date_that_the_turns_own_date_resolves_is_no_invention(said: str, text: str) -> None:
    assert sources(said, date="2023-05-08T10:00").missing(text, [0]) == []


def test_a_script_that_nobody_wrote() -> None:
    assert sources("我的猫叫豆包。", "它很可爱。").missing("WhatMay", [0]) == ["whatmay"]
    assert sources("我的猫叫豆包。", "它很可爱。").missing("Ada has a cat.", [0]) == [], "a speaker's name is known"


def test_without_sittings_the_turns_around_are_one() -> None:
    said = ["I met Ines in the old harbour."] + ["Nothing new today, really."] * (3 * NEAR)
    told = sources(*said)
    assert told.missing("Kim saw that Ines came.", [NEAR - 1]) == []
    assert told.missing("Kim saw that Ines came.", [3 * NEAR]) == ["ines"]


def test_nouns_with_capitals_are_no_names() -> None:
    german = ("Meine Schwester hat einen Hund und zwei Katzen, die im Garten hinter dem Haus wohnen.",
              "Mein Bruder hat eine Wohnung in der Stadt und keinen Platz für Tiere, aber einen Balkon.")  # fmt: skip
    assert sources(*german).missing("Ada hat eine Schwester mit Haustieren.", [0]) == []


@pytest.mark.parametrize(("text", "speaker"), [
    ("Kim bakes bread with rye flour.", "Ada"),
    ("Ada bakes bread with rye flour.", ""),
    ("Kim and Ada bake bread with rye flour.", ""),
    ("Kim likes jazz and old films.", ""),
])  # fmt: skip
def test_whom_a_sentence_speaks_of(text: str, speaker: str) -> None:
    told = sources("I bake bread with rye flour. Do you like jazz and old films?", "I do.")
    assert told.wrong_subject(text, [0]) == speaker


def test_what_one_says_of_another_is_that_others() -> None:
    told = sources("Kim loves lists and hates phone calls, so write to her.", "True.")
    assert told.wrong_subject("Kim loves lists and hates phone calls.", [0]) == ""
    he = "She loves lists, and phone calls are not hers, so it is best to write to her in the morning or after lunch."
    told = sources(
        he + " The team has met twice this week and all went well, as it did in the weeks before that.", "True."
    )
    assert told.languages == ("en",) and told.wrong_subject("Kim loves lists.", [0]) == "", "of a third person"


def test_an_assistant_speaks_of_others() -> None:
    turns = [Turn(0, "assistant", "Bread with rye flour keeps longer.")]
    assert Sources([*turns, Turn(1, "user", "Fine.")]).wrong_subject("The user bakes bread with rye flour.", [0]) == ""


@pytest.mark.parametrize(("said", "worth"), [
    ("Good morning, Kim! How are you?", False),
    ("Ha, that is so good to hear!", False),
    ("I bake bread with rye flour from the old mill.", True),
    ("It has 12 rooms.", True),
    ("Спасибо!", False),
    ("哈哈,真的吗?", False),
    ("我女儿在医院当护士,住在杭州。", True),
])  # fmt: skip
def test_what_a_turn_is_worth(said: str, worth: bool) -> None:
    assert sources(said).worth(0) is worth


@pytest.mark.parametrize(("text", "day"), [
    ("Ada went to Rome yesterday.", "yesterday"),
    ("Ada moved two weeks ago.", "two weeks ago"),
    ("Ada recently moved.", "recently"),
    ("Ada war gestern dort.", "gestern"),
    ("Ада была там вчера.", "вчера"),
    ("Ada上周搬家了。", "上周"),
    ("עדה הייתה שם אתמול.", "אתמול"),
    ("Ada went there yesterday, 7 May 2023.", ""),
    ("Ada goes there on Mondays.", ""),
])  # fmt: skip
def test_days_that_only_their_own_day_tells(text: str, day: str) -> None:
    assert Sources(()).relative_day(text) == day
