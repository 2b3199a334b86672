"""Packing: which of the recalled spans fit into the context, and the prompt that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from workbench.llm.messages import Message
from workbench.memory.base import Span
from workbench.memory.lines import Line, one_line
from workbench.memory.pieces import clipped
from workbench.memory.prompt_sets import PromptSet

LARGEST_SHARE = 0.25
"""Of the budget: what a single span may take while others would have to go for it."""
_LEAST = 32  # tokens; what is not longer is never clipped


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how an answer to it is wanted.

    Attributes:
        text: the question.
        task: name of its benchmark's rule (``resources/prompts/answer/``), empty for the usual one.
        asked: when it is asked, in words.
        prompts: the run's prompt set.
        dates: whether the reader is told when things were said.
        options: what there is to choose from; no part of the answer key.
        earlier: what was asked before it of the same context, in the same conversation.
    """

    text: str
    task: str = ""
    asked: str = ""
    prompts: PromptSet = field(default_factory=lambda: PromptSet("plain"))
    dates: bool = True
    options: tuple[str, ...] = ()
    earlier: tuple[Exchange, ...] = ()

    def line(self, span: Span) -> str:
        """A span as it stands in the prompt: under its time, where the prompt set shows times."""
        shown = self.dates and self.prompts.name == "full"
        return str(Line(span.text, span.when if shown else ""))

    def messages(self, spans: Sequence[Span]) -> tuple[Message, ...]:
        """The prompt with these spans; of a conversation its first question's, and what followed."""
        lines = [Line(s.text, s.when) for s in spans]
        first, *later = [*(said.question for said in self.earlier), self]
        found = self.prompts.answer(lines, first.text, first.task, first.asked, first.dates, first.options)
        before = first
        for said, asked in zip(self.earlier, later, strict=True):
            again = (asked.task, asked.options) != (before.task, before.options)
            next_ = asked.prompts.next_question(asked.text, asked.task, asked.options, again)
            found = (*found, Message("assistant", said.answer), next_)
            before = asked
        return found


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question that was asked of the same context before, and the answer that stays in the conversation."""

    probe: str
    question: Question
    answer: str


@dataclass(frozen=True, slots=True)
class Clip:
    """A span that was shortened so that others keep their place: tokens before and after."""

    label: str
    turns: tuple[int, ...]
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Context:
    """A packed context: what is in the prompt, in order, what was dropped or clipped, and the budget it was held
    against (tokens)."""

    question: Question
    spans: tuple[Span, ...]
    dropped: tuple[Span, ...]
    budget: int
    clips: tuple[Clip, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """The answer prompt."""
        return self.question.messages(self.spans)

    @property
    def marks(self) -> tuple[str, ...]:
        """The text of every part of the prompt: the instruction, each span, earlier questions, the question."""
        return tuple(s.text for s in self.parts)

    @property
    def parts(self) -> tuple[Span, ...]:
        """The prompt as spans with the text that stands in it; instruction and question can be shown like the rest."""
        instruction = Span(self.messages[0].text, kind="instruction", label="instruction")
        question = Span(self.question.text, kind="question", label="question")
        before = [text for said in self.question.earlier for text in (said.question.text, said.answer)]
        earlier = [Span(text, kind="earlier", label="earlier") for text in before]
        return (instruction, *(replace(s, text=self.question.line(s)) for s in self.spans), *earlier, question)

    @property
    def memory(self) -> tuple[str, ...]:
        """The lines of the spans, as they stand in the prompt."""
        return tuple(self.question.line(s) for s in self.spans)


def pack(spans: Sequence[Span], question: Question | str, budget: int, count: Callable[[str], int]) -> Context:
    """Keep the spans that fit into ``budget`` tokens.

    Where not all fit, a span of more than a quarter of the budget is first clipped in its middle to that, longest
    first, so that one endless turn does not push the others out. Then the lowest priority goes first (the earlier of
    equals).
    """
    asked = question if isinstance(question, Question) else Question(question)
    lines = [replace(s, text=one_line(s.text)) for s in spans]

    def cost(span: Span) -> int:
        return count(asked.line(span)) + 1

    costs = [cost(s) for s in lines]
    clips: list[Clip] = []
    largest = max(_LEAST, int(budget * LARGEST_SHARE))
    for index in sorted(range(len(lines)), key=lambda i: -costs[i]):
        if sum(costs) <= budget or costs[index] <= largest:
            break
        before, text = costs[index], clipped(lines[index].text, largest, count)
        lines[index] = replace(lines[index], text=text)
        costs[index] = cost(lines[index])
        clips.append(Clip(_label(lines[index]), lines[index].turns, before, costs[index]))
    room, out = budget - sum(costs), set()
    for index in sorted(range(len(lines)), key=lambda i: (lines[i].priority, i)):
        if room >= 0:
            break
        out.add(index)
        room += costs[index]
    kept = tuple(s for i, s in enumerate(lines) if i not in out)
    return Context(asked, kept, tuple(s for i, s in enumerate(lines) if i in out), budget, tuple(clips))


def _label(span: Span) -> str:
    return span.label or (span.items[0] if span.items else span.kind)
