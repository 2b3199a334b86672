"""Packing: which of the recalled spans fit into the context, and the prompt that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.memory import prompts
from workbench.memory.base import Span
from workbench.memory.prompts import Operation


@dataclass(frozen=True, slots=True)
class Context:
    """A packed context: what is in the prompt, in order, what was dropped, and the budget both were held against."""

    question: str
    spans: tuple[Span, ...]
    dropped: tuple[Span, ...]
    budget: int

    @property
    def operation(self) -> Operation:
        """The answer prompt."""
        return prompts.answer([s.text for s in self.spans], self.question)

    @property
    def marks(self) -> tuple[str, ...]:
        """The text of every part of the prompt: the instruction, each span, the question."""
        instruction = self.operation.messages[0].text
        return (instruction, *(s.text for s in self.spans), self.question)

    @property
    def parts(self) -> tuple[Span, ...]:
        """``marks`` as spans, so that instruction and question can be shown like the rest."""
        instruction = Span(self.operation.messages[0].text, kind="instruction", label="instruction")
        return (instruction, *self.spans, Span(self.question, kind="question", label="question"))


def pack(spans: Sequence[Span], question: str, budget: int, count: Callable[[str], int]) -> Context:
    """Keep the spans that fit into ``budget`` tokens, dropping the lowest priority first (the earlier of equals)."""
    lines = [_one_line(s) for s in spans]
    costs = [count(s.text) + 1 for s in lines]
    room, out = budget - sum(costs), set()
    for index in sorted(range(len(lines)), key=lambda i: (lines[i].priority, i)):
        if room >= 0:
            break
        out.add(index)
        room += costs[index]
    kept = tuple(s for i, s in enumerate(lines) if i not in out)
    return Context(question, kept, tuple(s for i, s in enumerate(lines) if i in out), budget)


def _one_line(span: Span) -> Span:
    text = " ".join(span.text.split())
    return span if text == span.text else Span(text, span.items, span.turns, span.kind, span.label, span.priority)
