from workbench.context import pack
from workbench.memory.base import Span


def words(text: str) -> int:
    return len(text.split())


def test_the_lowest_priority_goes_first_and_the_order_stays() -> None:
    spans = [Span("one two three", priority=2), Span("four\n five", priority=1), Span("six", priority=3)]
    context = pack(spans, "who?", 6, words)
    assert [s.text for s in context.spans] == ["one two three", "six"]
    assert [s.text for s in context.dropped] == ["four five"]
    assert context.marks == (context.operation.messages[0].text, "one two three", "six", "who?")
    assert context.operation.messages[1].text == "Memory\none two three\nsix\nQuestion\nwho?"


def test_of_equals_the_earlier_goes_and_nothing_may_fit() -> None:
    spans = [Span(f"s{i}") for i in range(5)]
    assert [s.text for s in pack(spans, "q", 4, words).spans] == ["s3", "s4"]
    assert pack(spans, "q", 0, words).spans == ()
    assert pack((), "q", 0, words).operation.messages[1].text == "Memory\nQuestion\nq"
