"""A-MEM: agentic memory, a Zettelkasten of notes that link and rewrite each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, Hit, MemoryStrategy, Mind, Recall, above
from workbench.memory.facts import fitting, shown
from workbench.memory.items import Item
from workbench.memory.lines import one_line, said, told
from workbench.memory.log import MemoryLog
from workbench.memory.replies import Reply, ask
from workbench.memory.retrieval import ranked, span
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

_ACTIONS = ("strengthen", "update_neighbor")
_ANALYSIS = schemas.fields(
    keywords=schemas.texts("the words that tell the message from others"),
    context=schemas.text("one sentence about it"),
    tags=schemas.texts("the broader classes that it belongs to"),
)


@dataclass
class AMem(MemoryStrategy):
    """A note for every turn; the model analyses it, links it to its neighbours and may rewrite theirs.

    Two model calls a turn: analysis (keywords, context, tags), then evolution over the nearest notes: links, the new
    note's tags, rewritten contexts and tags of neighbours. Reading takes one: the question's keywords find ``k`` notes,
    which bring the notes they link to; they are shown by rank with their tags (to the bundled model by time, without).
    A-MEM, arXiv 2502.12110.

    Attributes:
        k: notes returned; also the budget of linked notes, after which every further note brings only one.
        neighbours: notes that the evolution sees.
        evo_threshold: after so many evolutions every note is embedded again, as content, context, keywords and tags.
        stale_vectors: as in the official code, a rewritten note keeps its old vector until then; false embeds it at
            once.
        query_keywords: let the model turn the question into keywords before searching.
    """

    name: ClassVar[str] = "a-mem"
    title: ClassVar[str] = "A-MEM"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "A-MEM, arXiv 2502.12110"
    differs: ClassVar[str] = (
        "Prompts in own words. The analysis sees the date beside the message. The evolution names only the neighbours "
        "that change instead of giving contexts and tags for all. A linked note that is there already is not shown "
        "twice. Greedy unless the run's temperature says otherwise (published: 0.7)."
    )

    k: int = 10
    neighbours: int = 5
    evo_threshold: int = above(1, 100)
    stale_vectors: bool = True
    query_keywords: bool = True

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Analyse the turn, find its neighbours, store the note, evolve."""
        plain = prompts.note(one_line(turn.said))
        analysis = await ask(mind, log, self.operation("note", plain, schema=_ANALYSIS, message=said(turn)))
        made: Mapping[str, Any] = analysis.data if analysis else {"keywords": [], "context": "", "tags": []}
        notes = log.state.active("note")
        found = await self._index.search(turn.said, notes, mind, self.neighbours)
        near = [notes[i] for i in found.order[: self.neighbours]]
        # What was analysed is indexed, and not yet the content; a failed analysis leaves only the content.
        index_text = _index_text(made["context"], made["keywords"]) if analysis else turn.said
        note = log.write(turn.said, "note", index_text=index_text, cause=analysis.cause if analysis else 0,
                         keywords=made["keywords"], context=made["context"], tags=made["tags"], date=log.now,
                         evolved=False)  # fmt: skip
        await self._index.add([index_text], mind)
        fits = fitting([_full(n) for n in near], mind, 512)  # one endless note must not fail all after it
        near = shown(near, mind, log, "evolve") if mind.full else near[:fits]
        plain = prompts.evolve(_full(note), [_full(n) for n in near])
        lines, schema = [told(n, _full(n)) for n in near], _evolution(len(near))
        operation = self.operation("evolve", plain, schema=schema, note=told(note, _full(note)), neighbours=lines)
        evolution = await ask(mind, log, operation)
        if evolution:
            self._evolve(note, near, evolution, log)

    def _evolve(self, note: Item, near: Sequence[Item], evolution: Reply, log: MemoryLog) -> None:
        actions, cause = evolution["actions"], evolution.cause
        if not evolution["should_evolve"]:
            actions = []
        links = list(dict.fromkeys(evolution["links"])) if "strengthen" in actions else []
        updates = {u["neighbour"]: u for u in evolution["updates"]} if "update_neighbor" in actions else {}
        log.note("evolution", {"links": len(links), "updates": len(updates)}, subject=note.id, cause=cause)
        if not links and not updates:
            return
        for number in links:
            log.link(note.id, near[number].id, "strengthen", cause=cause)
        tags = evolution["tags"] if links and evolution["tags"] else note.fields["tags"]
        log.update(note.id, tags=tags, evolved=True, reason="strengthen" if links else "evolution", cause=cause)
        for number, update in updates.items():
            self._rewrite(near[number], update, log, cause)
        if sum(bool(n.fields.get("evolved")) for n in log.state.active("note")) % self.evo_threshold == 0:
            self._consolidate(log)

    def _rewrite(self, neighbour: Item, update: dict[str, object], log: MemoryLog, cause: int) -> None:
        context = update["context"] or neighbour.fields["context"]
        turns = (*neighbour.turns, log.turn)  # the new turn has a share in what the neighbour now says
        changed = log.update(neighbour.id, context=context, tags=update["tags"], turns=turns, reason="update_neighbor",
                             cause=cause)  # fmt: skip
        if not self.stale_vectors:
            text = _index_text(changed.fields["context"], changed.fields["keywords"])
            log.update(neighbour.id, index_text=text, reason="embedded again", cause=cause)

    def _consolidate(self, log: MemoryLog) -> None:
        for n in log.state.active("note"):
            text = f"{n.text} , {n.fields['context']} {' '.join(n.fields['keywords'])} {' '.join(n.fields['tags'])}"
            log.update(n.id, index_text=text, reason="consolidation")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest ``k`` notes and the notes they link to, within the shared budget of links."""
        notes = log.state.active("note")
        if not notes:
            return Recall((), k=self.k)
        found = await self._index.search(await self._words(query, mind, log), notes, mind, self.k)
        text = _full if mind.full else _shown
        recall = ranked(notes, found.scores, self.k, "cosine", order=found.order, text=text)
        return self._with_links(recall, mind.full, log)

    async def _words(self, query: str, mind: Mind, log: MemoryLog) -> str:
        schema = schemas.fields(keywords=schemas.texts("what to search with"))
        operation = self.operation("keywords", prompts.keywords(query), schema=schema, question=query)
        reply = await ask(mind, log, operation) if self.query_keywords else None
        if reply and any(reply["keywords"]):
            log.note("keywords", reply["keywords"], cause=reply.cause)
            return ", ".join(reply["keywords"])
        return query

    def _with_links(self, recall: Recall, full: bool, log: MemoryLog) -> Recall:
        returned = [h for h in recall.hits if h.returned]
        linked: dict[str, Hit] = {}
        spent = 0
        for hit in returned:
            for target in [link.target for link in log.state.ties(hit.item) if link.source == hit.item]:
                linked.setdefault(target, hit)
                if spent >= self.k:
                    break
                spent += 1
        extra = {t: by for t, by in linked.items() if t not in {h.item for h in returned} and log.state[t].active}
        hits = [
            replace(h, returned=True, parts={**h.parts, "link": 1.0}) if h.item in extra else h for h in recall.hits
        ]
        known = {h.item for h in hits}
        for target, by in extra.items():
            if target not in known:
                hits.append(Hit(target, by.score - 2, len(hits) + 1, True, {"link": 1.0}))
        # A linked note is worth less than any note that was found itself (cosines differ by at most 2).
        text = _full if full else _shown
        spans = [*recall.spans, *(span(log.state[t], by.score - 2, text) for t, by in extra.items())]
        ranks = {h.item: (h.rank, 0) for h in returned} | {t: (by.rank, 1) for t, by in extra.items()}
        written = {item.id: (n, 0) for n, item in enumerate(log.state.items.values())}
        place = ranks if full else written  # as published: by rank, each with its links; the bundled model: by time
        return Recall(tuple(sorted(spans, key=lambda s: place[s.items[0]])), tuple(hits), self.k)


def _evolution(count: int) -> dict[str, Any]:
    """The schema of the evolution; the one-liner asks neither whether to evolve nor how, and so does both."""
    tags = schemas.texts("its tags as they should be now")
    update = schemas.fields(
        neighbour=schemas.index(count, "number of the neighbour"),
        context=schemas.text("its context as it should read now"),
        tags=tags,
    )
    return schemas.fields(
        should_evolve=schemas.truth("whether the new note changes anything", default=True),
        actions=schemas.many(schemas.one_of(_ACTIONS), "what to do", most=len(_ACTIONS)) | {"default": [*_ACTIONS]},
        links=schemas.many(schemas.index(count), "numbers of the neighbours to link the new note to", most=count),
        tags=schemas.texts("the new note's tags as they should be now"),
        updates=schemas.many(update, "the neighbours whose context or tags change", most=count),
    )


def _index_text(context: str, keywords: Sequence[str]) -> str:
    return f"{context} keywords: {', '.join(keywords)}"


def _shown(note: Item) -> str:
    return f"{note.text} | {note.fields['context']} | {', '.join(note.fields['keywords'])}"


def _full(note: Item) -> str:
    return " ".join(f"{_shown(note)} | {', '.join(note.fields['tags'])}".split())
