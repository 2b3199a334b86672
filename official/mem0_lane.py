"""Mem0's own package, ``mem0ai`` 2.x, as a lane: it runs unchanged, on the run's model and embedder.

    mnemoscope run SESSION --lane mem0-v3 --lane official/mem0_lane.py:OfficialMem0 --context 10240

It talks to a loopback endpoint in front of the lane's mind (``workbench.memory.endpoint``), so every model call of its
is an event like any other. What it stored is read from its history table and becomes items and operations; what it
finds becomes hits. Needs the extra ``official`` (``pip install mem0ai``); nothing of it is replaced but its clock.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, ClassVar

from workbench.errors import UsageError
from workbench.memory.base import Completion, Fidelity, Hit, MemoryStrategy, Mind, Recall, Span
from workbench.memory.endpoint import MODEL, Endpoint
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.sessions.model import Turn

HEARD, MEMORY = "heard", "memory"
USER = "session"
OTHERS = 60
"""Memories that were not returned, but are shown with their scores."""
_today: ContextVar[str] = ContextVar("today", default="")


@dataclass
class OfficialMem0(MemoryStrategy):
    """Mem0's own ``Memory.add`` at every turn and ``Memory.search`` at every question; its store in memory.

    Its store is its own, so it is rebuilt for a run that goes on: every turn is kept as an item together with what the
    model answered then, and is played into a fresh store with the same answers; no model is asked again.

    Attributes:
        k: memories returned (its ``top_k``).
        threshold: score from which a memory is returned.
        tokens: of an answer of its model, as its configuration has it.
    """

    name: ClassVar[str] = "official-mem0"
    title: ClassVar[str] = "Mem0 (mem0ai)"
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = "Mem0, arXiv 2504.19413; the package mem0ai"
    differs: ClassVar[str] = (
        "The published package itself. Its model answers greedily, in any JSON object; its clock shows the session's "
        "date. Words and entities help only where its extras (fastembed, spaCy with a model) are installed. It cannot "
        "be branched: an edited item does not reach its store."
    )

    k: int = 20
    threshold: float = 0.1
    tokens: int = 2000

    def __post_init__(self) -> None:
        self._endpoint: Endpoint | None = None
        self._memory: Any = None
        self._ids: dict[str, str] = {}  # its memory's id to our item's
        self._row = 0  # of its history, the last that was read

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Let it add the turn, and write down what its history says became of that."""
        await self._ready(mind, log)
        heard = {"role": "assistant" if turn.role == "assistant" else "user", "content": turn.said}
        calls, problem = await self._add(heard, log.now, mind)
        log.write(turn.said, HEARD, index_text="", role=heard["role"], date=log.now, answers=[c.text for c in calls])
        cause = calls[-1].cause if calls else 0
        if problem:
            log.dropped("refused", problem, cause=cause)
        for call in calls:
            if not call.ok:
                log.dropped("cut off", call.text[:200], cause=call.cause)
        for memory, event, text in self._changes():
            self._write(memory, event, text, cause, log)

    def _write(self, memory: str, event: str, text: str, cause: int, log: MemoryLog) -> None:
        known = self._ids.get(memory)
        if event == "ADD" or known is None:
            self._ids[memory] = log.write(text, MEMORY, cause=cause).id
        elif event == "UPDATE":
            turns = (*log.state[known].turns, log.turn)
            log.update(known, text=text, index_text=text, turns=turns, cause=cause)
        elif event == "DELETE":
            log.delete(known, cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """What it finds, in its order; what it would not return follows with its scores."""
        await self._ready(mind, log)
        filters = {"user_id": USER}

        def search() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
            options: dict[str, Any] = {"filters": filters, "explain": True}
            found = self._memory.search(query, top_k=self.k, threshold=self.threshold, **options)["results"]
            rest = self._memory.search(query, top_k=self.k + OTHERS, threshold=0.0, **options)["results"]
            return found, rest

        (found, rest), _ = await self._run(search, mind, log.now)
        shown = {one["id"] for one in found}
        ordered = [(one, True) for one in found] + [(one, False) for one in rest if one["id"] not in shown]
        hits, spans = [], []
        for rank, (one, returned) in enumerate(ordered, start=1):
            item = log.state[self._ids[one["id"]]]
            parts = {k: float(v) for k, v in (one.get("score_details") or {}).items() if isinstance(v, int | float)}
            hits.append(Hit(item.id, float(one["score"] or 0.0), rank, returned, parts))
            if returned:
                spans.append(_span(item, -rank))
        return Recall(tuple(spans), tuple(hits), self.k)

    # Its store

    async def _ready(self, mind: Mind, log: MemoryLog) -> None:
        """Its store as it was after the turns so far."""
        if self._memory is not None:
            return
        self._endpoint = Endpoint()
        size = len((await mind.embed(["size"]))[0])
        folder = tempfile.mkdtemp(prefix="mnemoscope-mem0-")
        self._memory = _opened(self._endpoint, folder, size, self.tokens)
        weakref.finalize(self, _closed, self._memory, folder)
        memories = iter([item for item in log.state.items.values() if item.kind == MEMORY])
        for item in [item for item in log.state.items.values() if item.kind == HEARD]:
            message = {"role": item.fields["role"], "content": item.text}
            await self._add(message, str(item.fields["date"]), mind, item.fields["answers"])
            for memory, event, _ in self._changes():
                if event == "ADD":
                    self._ids[memory] = next(memories).id

    async def _add(
        self, message: dict[str, str], date: str, mind: Mind, answers: Sequence[str] | None = None
    ) -> tuple[list[Completion], str]:
        """Its model calls, and why it could not add the message; empty when it could."""
        from mem0.exceptions import MemoryError as Problem

        def add() -> str:
            try:
                self._memory.add([message], user_id=USER)
            except Problem as error:  # its model refused; it has stored nothing, and a replay does the same again
                return " ".join(str(error).split())[:300]
            return ""

        problem, calls = await self._run(add, mind, date, answers)
        return calls, problem

    async def _run(
        self, work: Callable[[], Any], mind: Mind, date: str, answers: Sequence[str] | None = None
    ) -> tuple[Any, list[Completion]]:
        assert self._endpoint is not None
        token = _today.set(date)  # the thread that does the work gets a copy
        try:
            return await self._endpoint.run(work, mind, "mem0", answers)
        finally:
            _today.reset(token)

    def _changes(self) -> list[tuple[str, str, str]]:
        """What its history has gained: (its memory's id, event, text afterwards)."""
        rows = self._memory.db.connection.execute(
            "SELECT rowid, memory_id, event, new_memory, old_memory FROM history WHERE rowid > ? ORDER BY rowid",
            (self._row,),
        ).fetchall()
        if rows:
            self._row = rows[-1][0]
        return [(memory, str(event).upper(), new or old or "") for _, memory, event, new, old in rows]


def _span(item: Item, priority: float) -> Span:
    return Span(item.text, (item.id,), item.turns, MEMORY, priority=priority, when=item.when)


def _opened(endpoint: Endpoint, folder: str, size: int, tokens: int) -> Any:
    package = _package()
    patient = {"timeout": None, "max_retries": 0}  # a slow machine's answer is no lost one, which would be asked again
    service = {"model": MODEL, "openai_base_url": endpoint.url, "api_key": endpoint.key}
    with _without("OPENROUTER_API_KEY"):
        memory = package.Memory.from_config(
            {
                "llm": {"provider": "openai", "config": {**service, "max_tokens": tokens}},
                "embedder": {"provider": "openai", "config": service},
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"collection_name": "session", "embedding_model_dims": size, "path": f"{folder}/qdrant"},
                },
                "history_db_path": ":memory:",
            }
        )
    for talk in (memory.llm, memory.embedding_model):
        talk.client = talk.client.with_options(**patient)
    return memory


def _closed(memory: Any, folder: str) -> None:
    memory.close()
    for service in (memory.llm, memory.embedding_model):
        service.client.close()
    for store in (memory.vector_store, memory._entity_store):
        if store is not None:
            store.client.close()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Without an environment variable: with it, the package would talk to another service."""
    kept = os.environ.pop(name, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[name] = kept


@lru_cache(maxsize=1)
def _package() -> Any:
    """The package, silent and with the session's clock.

    Raises:
        UsageError: when it is not installed, or of another generation.
    """
    os.environ["MEM0_TELEMETRY"] = "False"
    home = tempfile.mkdtemp(prefix="mnemoscope-mem0-home-")  # it writes a user id there
    os.environ.setdefault("MEM0_DIR", home)
    try:
        import mem0
        import mem0.configs.prompts as prompts
        import mem0.memory.main as main
        import mem0.memory.notices as notices
        import mem0.memory.telemetry as telemetry
    except ImportError as error:
        remedy = "pip install 'mnemoscope[official]', or pip install 'mem0ai>=2.2,<3'"
        raise UsageError(f"the lane official-mem0 needs the package mem0ai ({error})", remedy) from error
    if not mem0.__version__.startswith("2."):
        raise UsageError(f"mem0ai is {mem0.__version__}", "the lane official-mem0 knows 2.x")
    prompts.datetime = main.datetime = _Clock
    main.MEM0_TELEMETRY = telemetry.MEM0_TELEMETRY = False  # also where something else has imported it before
    main.capture_event = notices.print = lambda *_, **__: None  # the latter advertises on standard error
    logging.getLogger("mem0").setLevel(logging.ERROR)  # extras that are not installed; `differs` says so
    return mem0


class _Clock(datetime):
    """The wall clock, but in a lane the session's date: the package takes today for the day of the talk."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        told = _today.get()
        try:
            when = datetime.fromisoformat(told)
        except ValueError:
            return datetime.now(tz)
        return when if when.tzinfo else when.replace(tzinfo=tz or UTC)
