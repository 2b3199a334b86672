"""A diary: every few turns become an entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from workbench.memory import prompts
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import shortened, with_recent
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import ask
from workbench.memory.retrieval import ranked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn


@dataclass
class Diary(MemoryStrategy):
    """Summarise every ``page`` turns into an entry; one model call per entry. An example of Mnemoscope's.

    Attributes:
        page: turns on a page.
        k: entries returned.
    """

    name: ClassVar[str] = "diary"
    title: ClassVar[str] = "Diary"
    fidelity: ClassVar[Fidelity] = "baseline"
    paper: ClassVar[str] = "docs/bring-your-own-memory.md"
    prompts: ClassVar[str] = str(Path(__file__).parent / "prompts")

    page: int = 4
    k: int = 5

    def __post_init__(self) -> None:
        self._index = VectorIndex()  # a cache: it follows the items

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Write the turn on the open page; turn the page when it is full."""
        log.write(turn.said, "line", index_text="")
        lines = log.state.active("line")
        if len(lines) < self.page:
            return
        plain = prompts.summarise([shortened(line) for line in lines])
        reply = await ask(mind, log, self.operation("entry", plain, lines=[told(line) for line in lines]))
        if reply is None or not reply["summary"]:
            return  # on record; the lines stay, and the next turn tries again
        turns = [t for line in lines for t in line.turns]
        entry = log.write(reply["summary"], "entry", turns, cause=reply.cause)
        for line in lines:
            log.evict(line.id, reason=f"in {entry.id}", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` entries, and the open page."""
        entries = log.state.active("entry")
        found = await self._index.search(query, entries, mind, self.k)
        recall = ranked(entries, found.scores, self.k, "cosine", order=found.order)
        return with_recent(recall, log.state.active("line"))
