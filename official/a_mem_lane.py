"""A-MEM's own package, ``agentic_memory``, as a lane: it runs unchanged, on the run's model and embedder.

    mnemoscope run SESSION --lane a-mem --lane official/a_mem_lane.py:OfficialAMem:source=PATH

PATH is a checkout of github agiresearch/A-mem; the package is in no registry, docs/official.md says how to get it. It
talks to a loopback endpoint in front of the lane's mind (``workbench.memory.endpoint``), so every model call of its is
an event like any other. Its notes become items, what it changes in them operations, what it finds hits.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from workbench.errors import UsageError
from workbench.memory.base import Completion, Fidelity, Hit, MemoryStrategy, Mind, Recall, Span
from workbench.memory.endpoint import MODEL, Endpoint
from workbench.memory.items import Item
from workbench.memory.log import MemoryLog
from workbench.sessions.model import Turn

NOTE, HEARD = "note", "heard"
PARTS = ("keywords", "context", "tags", "links")
"""What a note has beside its content, under the package's own names."""
PURPOSE = "a-mem"
_place: ContextVar[tuple[Endpoint, str]] = ContextVar("place")


@dataclass
class OfficialAMem(MemoryStrategy):
    """A-MEM's own ``add_note`` at every turn and ``search_agentic`` at every question; its store in a folder.

    Its store is its own, so it is rebuilt for a run that goes on: every turn is kept as an item together with what the
    model answered then, and is played into a fresh store with the same answers; no model is asked again.

    Attributes:
        source: folder of a checkout of agiresearch/A-mem; empty: the package is installed.
        k: memories returned.
        analyse: let its ``analyze_content`` make keywords, context and tags first. The package's own ``add_note`` does
            not call it; the paper's note construction does.
    """

    name: ClassVar[str] = "official-a-mem"
    title: ClassVar[str] = "A-MEM (agentic_memory)"
    fidelity: ClassVar[Fidelity] = "faithful"
    paper: ClassVar[str] = "A-MEM, arXiv 2502.12110; the package agentic_memory of agiresearch/A-mem"
    differs: ClassVar[str] = (
        "The published package itself, with our embedder for its sentence transformer and a folder for its store. Its "
        "model answers greedily (it asks for a temperature of 0.7). It cannot be branched: an edited item does not "
        "reach its store."
    )

    source: str = ""
    k: int = 5
    analyse: bool = False

    def __post_init__(self) -> None:
        self._endpoint: Endpoint | None = None
        self._system: Any = None
        self._folder = ""
        self._ids: dict[str, str] = {}  # its note's id to our item's

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Let it add the turn as a note, and write down what became of its notes by that."""
        await self._ready(mind, log)
        calls = await self._add(turn.said, log.now, mind)
        log.write(turn.said, HEARD, index_text="", date=log.now, answers=[c.text for c in calls])
        for call in calls:
            if not call.ok:
                log.dropped("cut off", call.text[:200], cause=call.cause)
        self._record(calls[-1].cause if calls else 0, log)

    def _record(self, cause: int, log: MemoryLog) -> None:
        for id, note in self._system.memories.items():
            parts = _parts(note)
            if id not in self._ids:
                self._ids[id] = log.write(note.content, NOTE, cause=cause, **parts).id
            elif log.state[self._ids[id]].fields != parts:
                log.update(self._ids[id], cause=cause, **parts)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """What it finds, in its order, by the distance that its store gives (a hit's score is its negative)."""
        await self._ready(mind, log)
        found = (await self._run(lambda: self._system.search_agentic(query, k=self.k), mind))[0]
        items = [log.state[self._ids[one["id"]]] for one in found]
        scores = [-float(one["score"]) if "score" in one else 0.0 for one in found]
        hits = tuple(
            Hit(item.id, score, rank, True, {"distance": -score})
            for rank, (item, score) in enumerate(zip(items, scores, strict=True), 1)
        )
        return Recall(tuple(_span(item, -rank) for rank, item in enumerate(items)), hits, self.k)

    # Its store

    async def _ready(self, mind: Mind, log: MemoryLog) -> None:
        """Its store as it was after the turns so far."""
        if self._system is not None:
            return
        package = _package(self.source)
        self._endpoint, self._folder = Endpoint(), tempfile.mkdtemp(prefix="mnemoscope-a-mem-")
        make = functools.partial(package.AgenticMemorySystem, llm_backend="openai", api_key=self._endpoint.key)
        self._system = (await self._run(lambda: make(llm_model=MODEL), mind))[0]
        talk = self._system.llm_controller.llm
        talk.client = talk.client.with_options(base_url=self._endpoint.url, timeout=None, max_retries=0)
        weakref.finalize(self, _closed, self._system, self._folder)
        notes = iter([item for item in log.state.items.values() if item.kind == NOTE])
        for item in [item for item in log.state.items.values() if item.kind == HEARD]:
            await self._add(item.text, str(item.fields["date"]), mind, item.fields["answers"])
            for id in [id for id in self._system.memories if id not in self._ids]:
                self._ids[id] = next(notes).id

    async def _add(self, said: str, date: str, mind: Mind, answers: Sequence[str] | None = None) -> list[Completion]:
        def add() -> None:
            parts = self._system.analyze_content(said) if self.analyse else {}
            self._system.add_note(said, time=_stamp(date), **parts)

        return (await self._run(add, mind, answers))[1]

    async def _run(
        self, work: Callable[[], Any], mind: Mind, answers: Sequence[str] | None = None
    ) -> tuple[Any, list[Completion]]:
        assert self._endpoint is not None
        token = _place.set((self._endpoint, self._folder))  # the thread that does the work gets a copy
        try:
            return await self._endpoint.run(work, mind, PURPOSE, answers)
        finally:
            _place.reset(token)


def _closed(system: Any, folder: str) -> None:
    system.llm_controller.llm.client.close()
    system.retriever.client.close()
    shutil.rmtree(folder, ignore_errors=True)


def _parts(note: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value := getattr(note, name), list) else value for name in PARTS}


def _span(item: Item, priority: float) -> Span:
    """A note as the package writes one out for a reader; its date is the context's own."""
    fields = item.fields
    told = f"memory content: {item.text}\tmemory context: {fields['context']}"
    told += f"\tmemory keywords: {fields['keywords']}\tmemory tags: {fields['tags']}"
    return Span(told, (item.id,), item.turns, NOTE, priority=priority, when=item.when)


def _stamp(date: str) -> str | None:
    """A date as its notes have it; None, the wall clock, for what is no date."""
    try:
        return datetime.fromisoformat(date).strftime("%Y%m%d%H%M")
    except ValueError:
        return None


@functools.cache
def _package(source: str) -> Any:
    """The package's ``memory_system``, silent, with our embedder and a store in a folder.

    Its store would be the process's one in-memory Chroma, which it resets; that one is the engine's.

    Raises:
        UsageError: when it cannot be imported.
    """
    if source and not (Path(source) / "agentic_memory").is_dir():
        raise UsageError(f"{source} holds no folder agentic_memory", "give source= a checkout of agiresearch/A-mem")
    if source:
        sys.path.insert(0, str(Path(source).resolve()))
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch a table of prices
    try:
        system = importlib.import_module("agentic_memory.memory_system")
        retrievers = importlib.import_module("agentic_memory.retrievers")
    except ImportError as error:
        remedy = "see docs/official.md: source=CHECKOUT, and the packages of its requirements.txt"
        raise UsageError(f"the lane official-a-mem needs A-MEM's package ({error})", remedy) from error
    _ours(system, retrievers)
    return system


def _ours(system: ModuleType, retrievers: ModuleType) -> None:
    import chromadb
    from chromadb.utils.embedding_functions import register_embedding_function

    @register_embedding_function
    class Vectors(chromadb.EmbeddingFunction[list[str]]):
        """The run's embedder; whose run it is, the thread's context knows."""

        def __init__(self, model_name: str = "") -> None:
            pass

        def __call__(self, input: list[str]) -> Any:
            session = _place.get()[0].session
            assert session is not None, "only a lane that asks searches"
            return [np.array(row, np.float32) for row in session.embed(list(input))]

        @staticmethod
        def name() -> str:
            return "mnemoscope_lane"

        def get_config(self) -> dict[str, Any]:
            return {}

        @staticmethod
        def build_from_config(config: dict[str, Any]) -> Any:
            return Vectors()

    def client(settings: Any) -> Any:
        return chromadb.PersistentClient(_place.get()[1], settings)

    changed: dict[str, Any] = {
        "chromadb": SimpleNamespace(Client=client, Collection=chromadb.Collection),
        "SentenceTransformerEmbeddingFunction": Vectors,
    }
    vars(retrievers).update(changed)
    vars(system)["print"] = lambda *_, **__: None  # it prints its errors on standard output
    logging.getLogger("agentic_memory").setLevel(logging.CRITICAL)  # what failed is an event
