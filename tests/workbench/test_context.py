from workbench.context import Question, pack
from workbench.memory.base import Span
from workbench.memory.prompt_sets import PromptSet


def words(text: str) -> int:
    return len(text.split())


def test_the_lowest_priority_goes_first_and_the_order_stays() -> None:
    spans = [Span("one two three", priority=2), Span("four\n five", priority=1), Span("six", priority=3)]
    context = pack(spans, "who?", 6, words)
    assert [s.text for s in context.spans] == ["one two three", "six"]
    assert [s.text for s in context.dropped] == ["four five"]
    assert context.marks == (context.messages[0].text, "one two three", "six", "who?")
    assert context.messages[1].text == "Memory\none two three\nsix\nQuestion\nwho?"


def test_of_equals_the_earlier_goes_and_nothing_may_fit() -> None:
    spans = [Span(f"s{i}") for i in range(5)]
    assert [s.text for s in pack(spans, "q", 4, words).spans] == ["s3", "s4"]
    assert pack(spans, "q", 0, words).spans == ()
    assert pack((), "q", 0, words).messages[1].text == "Memory\nQuestion\nq"


def test_one_endless_turn_is_clipped_before_others_go() -> None:
    """Case H1: a tool result larger than the whole context must not push out two facts of a line each."""
    endless = Span(" ".join(f"w{n}" for n in range(900)), turns=(2,), priority=9, label="turn-2")
    facts = [Span("The cat is called Ola", priority=0), Span("I live in Oslo", priority=1)]
    context = pack([*facts, endless], "who?", 200, words)
    assert [s.text for s in context.spans[:2]] == [s.text for s in facts] and not context.dropped
    (clip,) = context.clips
    assert clip.before == 901 and clip.after <= 51 and clip.turns == (2,)
    assert context.spans[2].text.startswith("w0 w1 ") and context.spans[2].text.endswith(" w899")


def test_a_full_prompt_shows_when_and_a_plain_one_does_not() -> None:
    span = Span("Ida: I moved", when="8 May 2023")
    full = Question("Where?", asked="9 May 2023", prompts=PromptSet("full"))
    assert pack([span], full, 50, words).marks[1] == "[8 May 2023] Ida: I moved"
    assert all(mark in "\n".join(m.text for m in pack([span], full, 50, words).messages) for mark in
               pack([span], full, 50, words).marks)  # fmt: skip
    assert pack([span], "Where?", 50, words).marks[1] == "Ida: I moved"
    off = Question("Where?", asked="9 May 2023", prompts=PromptSet("full"), dates=False)
    assert "2023" not in "".join(m.text for m in pack([span], off, 50, words).messages)
