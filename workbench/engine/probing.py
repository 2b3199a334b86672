"""Probes that a model writes for a session: kept only when the turns it cites support them (``probes.support``)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from workbench.engine.control import Control
from workbench.errors import ModelError
from workbench.llm.base import Backend, CompletionRequest
from workbench.memory import schemas
from workbench.memory.prompt_sets import PromptSet, Rendered
from workbench.memory.prompts import Full, Operation
from workbench.probes.support import Support, repeated, support
from workbench.sessions.formats.sidecar import WRITTEN, scorer
from workbench.sessions.model import Probe, Session, Turn

WINDOW = 1500
"""Tokens of turns that a model is shown at once, at most."""
SMALLEST = 100
"""Tokens of turns below which there is not enough to ask about."""
ANSWER_TOKENS = 700
"""Tokens that its questions may take."""
PER_WINDOW = 5
"""Questions that it is asked for at once, at most."""
_QUESTION = schemas.fields(
    question=schemas.text("the question"),
    answer=schemas.text("its short answer, in the words of the turns"),
    quotes=schemas.many({"type": "string"}, "the words of the turns that say it, copied exactly", most=3),
)


@dataclass
class Made:
    """What came of it: probes that are kept, how many questions were dropped for which reason, and how many answers
    were cut off, of which the whole questions are used."""

    probes: list[Probe] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    cut: int = 0


def make(
    session: Session,
    backend: Backend,
    count: int,
    progress: Callable[[int, int], None] | None = None,
    control: Control | None = None,
) -> Made:
    """Let a model write up to ``count`` probes, spread over the session and asked at its end.

    What a later turn changes, a window does not show: such golds are the model's error, for a person to see.

    Args:
        progress: called with the windows done and all of them.
        control: its ``cancel`` ends the writing at once; what was written so far is handed back.

    Raises:
        ModelError: the bundled model is asked, which knows no such task, or the model cannot be used.
    """
    if backend.info.demo:
        raise ModelError("the bundled model cannot write probes", "name an instruct model with --model")
    made = Made()
    asyncio.run(_until_cancelled(_make(session, backend, count, progress, made), control))
    return made


async def _until_cancelled(work: Coroutine[Any, Any, None], control: Control | None) -> None:
    task = asyncio.ensure_future(work)
    if control is not None:
        control.bind(asyncio.get_running_loop(), lambda report: None)
        control.running([task])
    try:
        await task
    except asyncio.CancelledError:
        if control is None or not control.cancelled:
            raise


async def _make(
    session: Session, backend: Backend, count: int, progress: Callable[[int, int], None] | None, made: Made
) -> None:
    windows = _chosen(list(_windows(session, backend, -(-count // PER_WINDOW))), count)
    for n, turns in enumerate(windows):
        wanted = min(PER_WINDOW, -(-(count - len(made.probes)) // (len(windows) - n)))
        if wanted > 0:
            for row in await _asked(turns, wanted, backend, made):
                _keep(row, turns, session, backend, made)
        if progress:
            progress(n + 1, len(windows))
    del made.probes[count:]


def _windows(session: Session, backend: Backend, least: int) -> Iterator[list[Turn]]:
    """The turns in portions that the model can be shown, ``least`` of them where there is enough; one that is too long
    alone is left out.
    """
    room = min(WINDOW, backend.prompt_limit(ANSWER_TOKENS) - _frame(backend))
    if room < SMALLEST:
        raise ModelError("the model's context is too small to write probes in", "choose another model or --context")
    sizes = [backend.count_tokens(_line(turn)) + 2 for turn in session.turns]
    room = min(room, max(SMALLEST, sum(sizes) // least + 1))
    window: list[Turn] = []
    size = 0
    for turn, tokens in zip(session.turns, sizes, strict=True):
        if window and size + tokens > room:
            yield window
            window, size = [], 0
        if tokens <= room and turn.text.strip() and turn.role != "system":
            window.append(turn)
            size += tokens
    if window:
        yield window


def _frame(backend: Backend) -> int:
    empty = _rendered([], 1)
    return backend.prompt_overhead() + sum(backend.count_tokens(m.text) for m in empty.messages)


def _chosen(windows: Sequence[list[Turn]], count: int) -> list[list[Turn]]:
    """At most ``count`` windows, evenly spread."""
    if len(windows) <= count:
        return list(windows)
    return [windows[n * len(windows) // count] for n in range(count)]


def _line(turn: Turn) -> str:
    when = f"({turn.when}) " if turn.when else ""
    return f"{when}{turn.said}"


def _rendered(turns: Sequence[Turn], count: int) -> Rendered:
    inputs = {"lines": [" ".join(_line(t).split()) for t in turns], "count": count}
    schema = schemas.fields(questions=schemas.many(_QUESTION, "the questions", most=count))
    full = Full("probes", "questions", inputs, schema, ANSWER_TOKENS)
    return PromptSet("full").rendered(Operation("questions", (), schema, ANSWER_TOKENS, full))


async def _asked(turns: Sequence[Turn], count: int, backend: Backend, made: Made) -> list[Any]:
    sent = _rendered(turns, count)
    result = await backend.complete(CompletionRequest(sent.messages, sent.schema, sent.max_tokens))
    made.calls += 1
    rows = _rows(result.text)
    if result.stop in ("limit", "repetition"):
        made.cut += 1
    elif not rows:
        made.dropped["the model's answer is no list of questions"] += 1
    return rows


def _rows(text: str) -> list[Any]:
    """The questions of an answer; of one that was cut off those that are whole."""
    try:
        data = from_json(text.encode("utf-8", "replace"), allow_partial=True)
    except ValueError:
        return []
    rows = data.get("questions") if isinstance(data, dict) else None
    return rows if isinstance(rows, list) else []


def _keep(row: Any, turns: Sequence[Turn], session: Session, backend: Backend, made: Made) -> None:
    if not isinstance(row, dict):
        return
    question, answer = (str(row.get(key, "")).strip() for key in ("question", "answer"))
    listed = row.get("quotes")
    quotes = [quote for quote in listed if isinstance(quote, str)] if isinstance(listed, list) else []
    found = support(question, answer, quotes, turns)
    problem = found.problem
    if not problem and repeated(question, [p.question for p in (*session.probes, *made.probes)]):
        problem = "asks what another question asks"
    if problem:
        made.dropped[problem] += 1
    else:
        made.probes.append(_probe(question, answer, found, quotes, session, backend.info.name))


def _probe(question: str, answer: str, found: Support, quotes: list[str], session: Session, model: str) -> Probe:
    several = len(found.turns) > 1
    return Probe(
        "",
        len(session.turns) - 1,
        question,
        (answer,),
        "long_range_understanding" if several else "accurate_retrieval",
        found.turns,
        scorer((answer,)),
        extra={WRITTEN: model, "quoted": round(found.quoted, 1), "said": round(found.said, 1), "quotes": quotes},
    )
