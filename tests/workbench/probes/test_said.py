"""Whether an answer says a value and means it."""

import unicodedata
from collections.abc import Callable

import pytest

from workbench.probes import score
from workbench.probes.said import says
from workbench.probes.unknown import abstains
from workbench.sessions.model import Probe

SAID = [
    ("Oslo", "Oslo"),
    ("Oslo", "in Oslo."),
    ("Oslo", "She lives in Oslo and works as a teacher."),
    ("Oslo", "She lives in Oslo and loves it"),
    ("Oslo", "Not Lima, Oslo."),
    ("Oslo", "It's not Lima but Oslo"),
    ("Oslo", "No, Oslo."),
    ("Oslo", "not Lima. Oslo."),
    ("Oslo", "not only Oslo but also the fjords"),
    ("Oslo", "Oslo, Norway"),
    ("Warsaw", "Tomb of the Unknown Soldier, Warsaw"),
    ("Prince", "It was never recorded by others; Prince wrote it"),
    ("3", "3 weeks"),
    ("three weeks", "It took 3 weeks and was fun"),
    ("2023", "not until 2023"),
    ("Oslo", "There is no doubt that it is Oslo"),
    ("東京", "私は東京に住んでいます。"),
    ("北京", "我住在北京"),
    ("北京", "不是上海，而是北京"),
    ("北京", "他不久前搬到了北京"),
    ("A", "A"),
    ("A", "Answer: A"),
    ("Осло", "Она живёт в Осло."),
    ("Осло", "Не Лима, а Осло"),
    ("서울", "서울에 살아요"),
    ("Москва", "москва"),
    ("大阪", "東京ではなく大阪です"),
    ("Berlin", "Nicht München, sondern Berlin"),
    ("Berlin", "Sie wohnt in Berlin"),
    ("Paris", "Elle habite à Paris"),
    ("Madrid", "No, vive en Madrid"),
    ("Rio de Janeiro", "Ele mora no Rio de Janeiro"),
    ("no", "No, she has not tried it yet; there is no record of a lesson."),
    ("yes", "Yes"),
    ("Rome", "Rome; the exact date is not given."),
    ("got stuck on a plot twist", "He got stuck on a plot twist and couldn't find his way out."),
    ("not interested", "She was not interested"),
    ("Oslo", "I'm not sure, but I think it is Oslo."),
    ("tea", "tea"),
    ("tea", "She drinks tea and relaxes"),
    ("Ben", "Ben and his sister went"),
    ("Ben", "Ben and then he left"),
    ("Oslo", "Oslo and Mira went home early"),
    ("Oslo and Lima", "Oslo and Lima"),
    ("10:30", "at 10:30 am"),
    ("$1,200", "$1,200 dollars"),
    ("1200", "1,200"),
    ("3.5", "3.5 km"),
    ("café", "Café"),
    ("straße", "STRASSE"),
    ("Tern Point", "I could not find the place in the notes, but the answer is not far: Tern Point is named once."),
    ("two", "2"),
    ("２", "2個"),
    ("ผัดไทย", "ฉันชอบผัดไทย"),
    ("green", "the green one, not the red one"),
    ("8 May", "8 May 2023"),
    ("her mother", "It was her mother who called"),
    ("the blue house", "Blue house"),
    ("Oslo", "She didn't stay in Lima: she moved to Oslo"),
    ("Oslo", "Oslo, not Lima"),
    ("Oslo", "She moved from Lima to Oslo"),
    ("pottery", "pottery (not painting)"),
    ("a cat", "She has a cat and is happy"),
    ("Oslo", "Oslo — no longer Lima"),
    ("Oslo", "It isn't clear why, but she went to Oslo"),
    ("The Beatles", "the beatles"),
    ("Sara", "Sara and her husband"),
    ("Kyoto", "京都ではありません、Kyotoです"),
    ("7", "seven"),
    ("Luna", "your cat Luna"),
    ("Lima", "Oslo or Lima? Lima."),
]
NOT_SAID = [
    ("Oslo", "Oslo and Lima"),
    ("Oslo", "Lima and Oslo"),
    ("Oslo", "It isn't Oslo"),
    ("Oslo", "no longer living in Oslo"),
    ("Oslo", "She doesn't live in Oslo"),
    ("Oslo", "She has never been to Oslo"),
    ("Oslo", "Oslo or Lima"),
    ("Oslo", "either Lima or Oslo"),
    ("Oslo", "neither Oslo nor Lima"),
    ("Oslo", "Oslo isn't where she lives"),
    ("Oslo", "Oslo is not it"),
    ("Oslo", "not Rome, Lima or Oslo"),
    ("Oslo", "Lima instead of Oslo"),
    ("Oslo", "It was never Oslo"),
    ("東京", "東京には住んでいません"),
    ("東京", "東京ではありません"),
    ("東京", "東京ではなく大阪です"),
    ("北京", "我不住在北京"),
    ("北京", "不是北京"),
    ("北京", "北京和上海"),
    ("北京", "北京或上海"),
    ("北京", "没有去过北京"),
    ("Осло", "Она не живёт в Осло"),
    ("Осло", "Осло и Лима"),
    ("서울", "서울에 살지 않아요"),
    ("Berlin", "Sie wohnt nicht in Berlin"),
    ("Berlin", "Berlin nicht"),
    ("Berlin", "Sie wohnt nicht mehr in Berlin"),
    ("Paris", "Elle n'habite plus à Paris"),
    ("Paris", "Elle n’habite pas à Paris"),
    ("Paris", "Paris et Lyon"),
    ("Madrid", "No vive en Madrid"),
    ("Madrid", "Madrid no es"),
    ("Madrid", "Madrid y Lima"),
    ("tea", "tea and coffee"),
    ("tea", "She likes tea and coffee"),
    ("tea", "coffee or tea"),
    ("3", "3 or 4"),
    ("3", "13"),
    ("3", "3.5"),
    ("cat", "category"),
    ("Oslo", "unknown"),
    ("Oslo", "I don't know. Oslo?"),
    ("Oslo", "Oslo is not mentioned"),
    ("no", "No information"),
    ("no", "yes"),
    ("no", "There is no record of that"),
    ("Melanie", "Caroline and Melanie"),
    ("東京", "わかりません"),
    ("José", "Jos"),
    ("Oslo", "I do not think she lives in Oslo"),
    ("Oslo", "Nobody lives in Oslo"),
    ("A", "B"),
    ("A", "C"),
    ("Oslo", "Definitely not in Oslo"),
    ("Oslo", "cannot be Oslo"),
    ("Oslo", "Oslo/Lima"),
    ("Oslo", "Oslo & Lima"),
    ("Lisbon", "não mora em Lisbon"),
    ("Rome", "non vive a Rome"),
    ("Oslo", "It is not true that she lives in Oslo"),
    ("Oslo", "without Oslo"),
]


def right(gold: str, answer: str, question: str = "Where?") -> bool:
    return score("match", Probe("p", 0, question, (gold,), "accurate_retrieval"), answer).correct


@pytest.mark.parametrize(("gold", "answer"), SAID)
def test_right(gold: str, answer: str) -> None:
    assert right(gold, answer)


@pytest.mark.parametrize(("gold", "answer"), NOT_SAID)
def test_wrong(gold: str, answer: str) -> None:
    assert not right(gold, answer)


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_accents_may_be_composed_or_not(form: str) -> None:
    said = unicodedata.normalize(form, "José did, not Zoë.")
    assert right(unicodedata.normalize("NFC", "José"), said)
    assert right(unicodedata.normalize("NFD", "José"), said)
    assert not right("Zoë", said)


def test_what_the_question_names_may_stand_beside_the_answer() -> None:
    assert not right("Lima", "Oslo and Lima", "Where does she live?")
    assert right("Lima", "Oslo and Lima", "She lives in Oslo and where else?")


@pytest.mark.parametrize("work", [lambda text: says(text, "Oslo"), abstains], ids=["says", "abstains"])
@pytest.mark.parametrize(
    "part", ["not, ", "Oslo not ", "，も", ",", "in x, ", "the memory ", "不", " or ", "n't ", "("]
)
def test_a_long_answer_is_read_in_linear_time(work: Callable[[str], bool], part: str) -> None:
    """Quadratic time would take minutes, and the test's time limit would end it."""
    assert work(part * 20_000) in (True, False)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Anywhere but Oslo", False),
        ("Oslo? No, Lima.", False),
        ("Oslo? Yes, Oslo.", True),
        ("Oslo or possibly Lima", False),
        ("Either Oslo or Lima", False),
        ("Oslo/Lima", False),
        ("All but Oslo", False),
        ("Small but nice: Oslo", True),
    ],
)
def test_exceptions_and_second_thoughts(answer: str, right: bool) -> None:
    probe = Probe("p", 0, "Where does she live?", ("Oslo",), "accurate_retrieval")
    assert score("match", probe, answer).correct is right
    without_words = Probe("p", 0, "?", ("Oslo",), "accurate_retrieval")
    assert score("match", without_words, answer).correct is right
