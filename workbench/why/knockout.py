"""Knock-out: spans of a context masked in the running graph, and how the answer moves; leave-one-out over a context.

Masking before the softmax is exact: no query of any chosen layer and head sees the span, as if its cells had been
evicted, while every position stays where it was (``reference/kv-cache.md`` 1.11).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any

from workbench.answering import Answered, without_thought
from workbench.errors import ModelError
from workbench.llm.base import AnswerResult
from workbench.probes.text import normalise
from workbench.why.asking import Scene
from workbench.why.verdict import Use

HALF = log(2)
"""A knock-out matters when it makes the answer at least twice or half as likely …"""
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
    seen, blind = await asyncio.gather(
        scene.masked(answered, (), tokens, *where), scene.masked(answered, spans, tokens, *where)
    )
    return _likely(seen) - _likely(blind)


def _likely(result: AnswerResult) -> float:
    return sum(t.logprob for t in result.completion.tokens)


def _text(result: AnswerResult) -> str:
    return without_thought(result.completion.text)[1]


async def leave_one_out(scene: Scene, answered: Answered, gold: Sequence[int] | None = None) -> list[Knocked]:
    """Every span of the memory masked by itself."""
    count = len(answered.packed.spans)
    return [await knock_out(scene, answered, (n,), gold, free=False) for n in range(count)]


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
    pair = None
    if gold:
        seen, hidden = await asyncio.gather(scene.masked(answered, (), gold), scene.masked(answered, chosen, gold))
        pair = (exp(_likely(seen)), exp(_likely(hidden)))
    other = normalise(blind) != normalise(answered.text)
    matters = other or abs(change) >= HALF or (pair is not None and abs(pair[0] - pair[1]) >= POINTS)
    return Use(answer=blind, change=change, gold=pair, matters=matters, how="knock-out")


async def _left_out(scene: Scene, answered: Answered, chosen: Sequence[int]) -> Use:
    rest = [s for n, s in enumerate(answered.packed.spans) if n not in chosen]
    blind = (await scene.judged(rest)).text
    return Use(answer=blind, matters=normalise(blind) != normalise(answered.text), how="left out")
