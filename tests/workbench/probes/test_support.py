"""Which questions of a model are kept: those whose answer the cited turns say."""

import pytest

from workbench.probes.support import repeated, support
from workbench.sessions import Turn

TURNS = [
    Turn(4, "user", "I moved my boat to pier 9 on the 3rd of May.", "Ida"),
    Turn(5, "assistant", "Noted."),
    Turn(6, "user", "我的猫叫豆包，今年三岁。", "王"),
]
BOAT = "Where is Ida's boat?"

KEPT = [
    (BOAT, "pier 9", ["I moved my boat to pier 9"], (4,)),
    (BOAT, "Pier 9", ["i moved  my boat to PIER 9 on the 3rd"], (4,)),
    ("王的猫叫什么？", "豆包", ["我的猫叫豆包"], (6,)),
    ("What does one have, and the other a cat?", "boat", ["I moved my boat", "我的猫叫豆包"], (4, 6)),
]


@pytest.mark.parametrize(("question", "answer", "quotes", "turns"), KEPT)
def test_it_is_kept_with_the_turns_that_say_it(
    question: str, answer: str, quotes: list[str], turns: tuple[int, ...]
) -> None:
    found = support(question, answer, quotes, TURNS)
    assert (found.problem, found.turns) == ("", turns)
    assert found.quoted >= 85 and found.said >= 85


DROPPED = [
    (BOAT, "pier 9", [], "cites nothing"),
    (BOAT, "pier 9", ["...", " "], "cites nothing"),
    (BOAT, "pier 9", ["The harbour is closed in winter"], "no turn says what is cited"),
    (BOAT, "pier 9", ["I moved my boat to pier 9 on the 3rd of May. " * 3 + "It was sold later."], "no turn says what"),
    (BOAT, "the old port", ["I moved my boat to pier 9"], "the cited turns do not say the answer"),
    (BOAT, "pier 8", ["I moved my boat to pier 9"], "the cited turns do not say the answer"),
    (BOAT, "moved my boat to pier 19 on the 3rd of May", ["I moved my boat to pier 9"], "the cited turns do not say"),
    (BOAT, "豆包", ["I moved my boat to pier 9"], "the cited turns do not say the answer"),
    ("Is Ida's boat at pier 9?", "pier 9", ["I moved my boat to pier 9"], "the question says its answer"),
    (BOAT, "pier 9", ["pier 9"], "cites the answer and nothing that proves it"),
    ("", "pier 9", ["I moved my boat to pier 9"], "no question or no answer"),
    (BOAT, " ", ["I moved my boat to pier 9"], "no question or no answer"),
]


@pytest.mark.parametrize(("question", "answer", "quotes", "problem"), DROPPED)
def test_it_is_dropped_and_says_why(question: str, answer: str, quotes: list[str], problem: str) -> None:
    assert support(question, answer, quotes, TURNS).problem.startswith(problem)


def test_a_question_that_was_asked_already() -> None:
    assert repeated("Where  IS Ida's boat", ["Who sings?", "where is Ida's boat?"])
    assert not repeated("Where is Ida's cat?", ["Where is Ida's boat?"])
    assert not repeated("Where is Ida's boat?", [])
