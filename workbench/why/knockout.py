"""Knock-out: spans of a context masked in the running graph, and how the answer moves; leave-one-out over a context.

Masking before the softmax is exact: no query of any chosen layer and head sees the span, as if its cells had been
evicted, while every position stays where it was (``reference/kv-cache.md`` 1.11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import exp, log
from typing import Any

from workbench.answering import Answered, without_thought
from workbench.errors import Cancelled, ModelError, UsageError
from workbench.llm.base import AnswerResult
from workbench.memory.base import Span
from workbench.probes.text import normalise
from workbench.trace.events import FIXED
from workbench.why.asking import Scene
from workbench.why.verdict import Use
from workbench.words import numeric

HALF = log(2)
"""A knock-out matters when it makes the answer at least twice or half as likely …"""
_BRIEF = 200  # characters of a span's text that are shown beside its bar
POINTS = 0.05
"""… or moves the probability of the gold answer by so much, or changes what is answered."""


@dataclass(frozen=True, slots=True)
class Knocked:
    """What a knock-out did.

    Attributes:
        spans: places of the masked spans among the memory's.
        answer: what is answered without them; ``right`` as the scorer takes it.
        change: by how much the log-probability of the answer that was given falls, nats.
        gold: the same for the gold answer; None where none was ever written.
    """

    spans: tuple[int, ...]
    answer: str
    right: bool
    change: float
    gold: float | None


async def knock_out(
    scene: Scene,
    answered: Answered,
    spans: Sequence[int],
    gold: Sequence[int] | None = None,
    layers: tuple[int, ...] | None = None,
    heads: tuple[int, ...] | None = None,
    free: bool = True,
) -> Knocked:
    """Mask spans while a context is answered.

    Args:
        answered: the context, with the answer that the model gave.
        gold: token ids of the gold answer.
        free: whether to answer again, too; without it only probabilities are computed.

    Raises:
        ModelError: when the model's attention cannot be reached, or no model answered.
    """
    if answered.result is None:
        raise ModelError("no model answered this probe", "knock-out needs a model's answer")
    given = [t.id for t in answered.result.completion.tokens]
    wanted = [given, list(gold)] if gold else [given]
    scores = [await _change(scene, answered, spans, tokens, layers, heads) for tokens in wanted]
    text, right = answered.text, scene.right(answered.text)
    if free:
        text = _text(await scene.masked(answered, spans, None, layers, heads))
        right = scene.right(text)
    return Knocked(tuple(spans), text, right, scores[0], scores[1] if gold else None)


async def _change(scene: Scene, answered: Answered, spans: Sequence[int], tokens: Sequence[int], *where: Any) -> float:
    if not tokens:
        return 0.0
    seen, blind = await asyncio.gather(_seen(scene, answered, tokens), scene.masked(answered, spans, tokens, *where))
    return seen - _likely(blind)


async def _seen(scene: Scene, answered: Answered, tokens: Sequence[int]) -> float:
    """Log-probability of these tokens with everything in view; asked once, and not at all of the answer itself."""
    own = answered.result.completion.tokens if answered.result else ()
    if own and [t.id for t in own] == list(tokens):
        return sum(t.logprob for t in own)
    key = ("seen", scene.case.lane.id, scene.case.number, scene.case.probe.id, answered.packed.marks, tuple(tokens))

    async def ask() -> float:
        return _likely(await scene.masked(answered, (), tokens))

    likely: float = await scene.setting.once(key, ask)
    return likely


def _likely(result: AnswerResult) -> float:
    return sum(t.logprob for t in result.completion.tokens)


def _text(result: AnswerResult) -> str:
    return without_thought(result.completion.text)[1]


@dataclass(frozen=True, slots=True)
class Bar:
    """One span of a context: its attention and what masking it alone does.

    Attributes:
        attention: its part of the answer's attention on memory, 0 to 1; None without a capture.
        length: tokens.
        change, gold: as of :class:`Knocked`.
    """

    place: int
    label: str
    items: tuple[str, ...]
    turns: tuple[int, ...]
    text: str
    length: int
    attention: float | None
    change: float
    gold: float | None


@dataclass(frozen=True, slots=True)
class Bars:
    """Leave-one-out over a context, beside attention.

    Attributes:
        correlation: Spearman's, of attention with the size of what masking changes: how far attention is to be trusted
            here; None for fewer than three spans.
        together: what masking the chosen spans at once does; None when none was chosen.
        chosen: what those are called.
    """

    question: str
    gold_answer: tuple[str, ...]
    answer: str
    right: bool
    bars: tuple[Bar, ...]
    correlation: float | None
    together: Knocked | None
    chosen: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The shape of ``mnemoscope knockout --json``."""
        return asdict(self)

    def brief(self) -> Bars:
        """The same with the beginning of every text: small enough for a pipe."""
        return replace(self, bars=tuple(replace(b, text=b.text[:_BRIEF]) for b in self.bars))


async def bars(
    scene: Scene,
    answered: Answered,
    shares: Sequence[float] | None,
    gold: Sequence[int] | None,
    chosen: Sequence[int] = (),
    layers: tuple[int, ...] | None = None,
    heads: tuple[int, ...] | None = None,
    stopped: Callable[[], bool] = lambda: False,
    each: bool = True,
) -> Bars:
    """Mask the chosen spans at once, and every span by itself.

    Args:
        shares: attention on each span.
        gold: token ids of the gold answer.
        each: without it no span is masked by itself, and there are no bars.
        stopped: asked before each span.

    Raises:
        Cancelled: it was stopped.
    """
    spans = answered.packed.spans
    together = await knock_out(scene, answered, chosen, gold, layers, heads) if chosen else None
    alone: list[Knocked] = []
    for n in range(len(spans) if each else 0):
        if stopped():
            raise Cancelled("cancelled")
        alone.append(await knock_out(scene, answered, (n,), gold, layers, heads, free=False))
    known = shares if shares is not None and len(shares) == len(spans) else None
    lengths = [end - start for start, end in memory_ranges(answered)]
    found = tuple(
        Bar(n, label(s), s.items, s.turns, s.text, lengths[n], known[n] if known else None, k.change, k.gold)
        for n, (s, k) in enumerate(zip(spans, alone, strict=False))
    )
    trust = rank_correlation(known, [abs(k.change) for k in alone]) if known and each else None
    probe = scene.case.probe
    names = tuple(label(spans[n]) for n in chosen)
    right = scene.right(answered.text)
    return Bars(probe.question, probe.gold, answered.text, right, found, trust, together, names)


def memory_ranges(answered: Answered) -> list[tuple[int, int]]:
    """Where the memory's spans lie in the prompt, in tokens; half open."""
    ranges = answered.result.spans if answered.result else ((0, 0),) * len(answered.packed.parts)
    return [r for r, part in zip(ranges, answered.packed.parts, strict=True) if part.kind not in FIXED]


def label(span: Span) -> str:
    """What a span is called."""
    return span.label or (span.items[0] if span.items else span.kind)


def found(spans: Sequence[Span], names: Sequence[str]) -> list[int]:
    """Places of the spans that are named: by their place, their label, an item, or ``turn:N``.

    Raises:
        UsageError: when nothing in the context is called so.
    """
    places: list[int] = []
    for name in names:
        mine = [n for n, s in enumerate(spans) if _is(n, s, name)]
        if not mine:
            known = ", ".join(f"{n} {label(s)}" for n, s in enumerate(spans[:12]))
            raise UsageError(f"no span {name!r} in this context", f"it has: {known or 'none'}")
        places += mine
    return sorted(set(places))


def _is(place: int, span: Span, name: str) -> bool:
    turn = name.removeprefix("turn:")
    if turn != name:
        return numeric(turn) in span.turns
    return name in (str(place), label(span), *span.items)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None for fewer than three pairs or where one side is all the same."""
    if len(a) < 3 or len(set(a)) < 2 or len(set(b)) < 2:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


async def use(scene: Scene, answered: Answered, chosen: Sequence[int], gold: Sequence[int] | None) -> Use:
    """What the reader did with spans that say it: knocked out where attention can be reached, else left out."""
    if answered.result is None or not scene.setting.backend.info.capture:
        return await _left_out(scene, answered, chosen)
    given = [t.id for t in answered.result.completion.tokens]
    blind = _text(await scene.masked(answered, chosen))
    change = await _change(scene, answered, chosen, given)
    matters = normalise(blind) != normalise(answered.text) or abs(change) >= HALF
    if matters or not gold:  # every pass reads the whole context again: nothing is computed that no longer decides
        return Use(answer=blind, change=change, matters=matters, how="knock-out")
    seen, hidden = await asyncio.gather(_seen(scene, answered, gold), scene.masked(answered, chosen, gold))
    pair = (exp(seen), exp(_likely(hidden)))
    return Use(answer=blind, change=change, gold=pair, matters=abs(pair[0] - pair[1]) >= POINTS, how="knock-out")


async def _left_out(scene: Scene, answered: Answered, chosen: Sequence[int]) -> Use:
    rest = [s for n, s in enumerate(answered.packed.spans) if n not in chosen]
    blind = (await scene.judged(rest)).text
    return Use(answer=blind, matters=normalise(blind) != normalise(answered.text), how="left out")
