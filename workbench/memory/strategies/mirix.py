"""MIRIX: six stores, a meta manager that wakes their managers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall
from workbench.memory.facts import Said, decide, extract, fitting, near, origin, shortened, shown, with_recent
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, said, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import room
from workbench.memory.replies import TOO_LONG, UNFIT, Reply, ask
from workbench.memory.retrieval import best, marked
from workbench.memory.vectors import VectorIndex
from workbench.sessions.model import Turn

MESSAGE = "message"
STORES = ("core", "episodic", "semantic", "procedural", "resource", "knowledge")
"""The knowledge vault is ``knowledge``."""
BLOCKS = ("human", "persona")
_BATCH = 20
_SHOWN = 10  # items of a store that its manager sees


@dataclass
class MIRIX(MemoryStrategy):
    """A meta manager says which of six stores a batch of messages concerns; each of their managers then writes.

    Every batch costs one model call of the meta manager and one of each manager it wakes. A manager knows what its
    store is for, sees the messages and the ten items of its store that are nearest to them (the episodic one also the
    ten newest, that of the core its whole blocks) and makes one change of its kind: new items, or items that take the
    place of old ones; an event may be merged into an old one. A core block that would overflow is given back to its
    manager once, to be rewritten. Reading takes one call, the topic; then up to ``k`` items of each store, of the
    episodic one the newest ``k`` and the nearest ``k``, and all of the core. The bundled model answers two calls of
    every manager instead, what to store and how that changes the store. MIRIX, arXiv 2507.07957.

    Attributes:
        batch: messages that are taken in together, of one sitting; 0: 20 as in the official code, or as many as a
            prompt takes, and one for the bundled model.
        k: items of each store that are returned.
        core: characters of a core block (of the whole core for the bundled model); from nine tenths it is rewritten.
    """

    name: ClassVar[str] = "mirix"
    title: ClassVar[str] = "MIRIX"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "MIRIX, arXiv 2507.07957"
    differs: ClassVar[str] = (
        "Prompts in own words. Managers answer with their change instead of calling tools, and do not chain. Text "
        "only. Their items are looked up by the messages instead of by a topic that the model names first. Reading is "
        "one search whose items are shown whole: the answering agent has no search tool. Messages that wait for their "
        "batch are in the context."
    )

    batch: int = 0
    k: int = 10
    core: int = 5000

    def __post_init__(self) -> None:
        self._index = VectorIndex()

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Wait until the batch is full, then wake the managers."""
        batch, waiting = self.batch or (_BATCH if mind.full else 1), log.state.active(MESSAGE)
        if waiting and waiting[-1].fields["part"] != turn.part and await self._take([], waiting, mind, log):
            waiting = []
        heard: list[Said] = [(said(turn), (turn.index,))]
        size = sum(mind.count_tokens(text) for text in (turn.said, *(m.text for m in waiting)))
        full = len(waiting) + 1 >= batch or (mind.full and size > room(mind, prompts.FULL_TOKENS, 0.4))
        if not full or not (await self._take(heard, waiting, mind, log) or batch == 1):
            log.write(turn.said, MESSAGE, index_text="", part=turn.part)  # tried again with the next message

    async def _take(self, new: Sequence[Said], waiting: Sequence[Item], mind: Mind, log: MemoryLog) -> bool:
        """Take in what waits and the new message; false when the meta manager could not be understood."""
        heard = [*((told(m), m.turns) for m in waiting), *new]
        woken = await self._meta([line for line, _ in heard], mind, log)
        if woken is None:
            return False
        for store in woken:
            if mind.full:
                await self._update(store, heard, mind, log)
            else:
                await self._manage(store, heard, mind, log)
        for message in waiting:
            log.evict(message.id, reason="taken in")
        return True

    async def _meta(self, lines: Sequence[Line], mind: Mind, log: MemoryLog) -> list[str] | None:
        task = " ".join(one_line(line.text) for line in lines)
        if not mind.full and fitting([task], mind, 64) == 0:
            return list(STORES[1:3])  # too long to be judged as a whole: what happened and what it says
        schema = schemas.fields(choice=schemas.many(schemas.one_of(STORES), "the stores to update", most=len(STORES)))
        plain = prompts.choose(task, STORES, most=len(STORES))
        reply = await ask(mind, log, self.operation("meta", plain, schema=schema, messages=list(lines)))
        woken = list(dict.fromkeys(reply["choice"])) if reply else None
        log.note("managers", woken or [], cause=reply.cause if reply else 0)
        return woken

    async def _update(self, store: str, heard: Sequence[Said], mind: Mind, log: MemoryLog) -> None:
        """A manager makes its one change."""
        if store == "core":
            await self._core(heard, mind, log)
            return
        seen = await self._seen(store, heard, mind, log)
        schema = schemas.fields(
            action=schemas.one_of(_ACTIONS[store], "the one change"),
            ids=schemas.many(schemas.index(len(seen)), "numbers of the old items that it changes", most=len(seen)),
            items=schemas.many(schemas.fields(**_FIELDS[store]), "what is written"),
        )
        texts, lines = [line.text for line, _ in heard], [line for line, _ in heard]
        operation = self.operation(
            store, prompts.facts(texts), schema=schema, reads=_nothing, items=[told(i) for i in seen], messages=lines
        )
        reply = await ask(mind, log, operation)
        if reply is None or reply["action"] == "nothing":
            return
        old = [seen[n] for n in dict.fromkeys(reply["ids"])]
        written = [w for w in (self._item(store, e, heard, old, reply, log) for e in reply["items"]) if w]
        if old and not written:
            log.dropped(UNFIT, f"{reply['action']} of {old[0].id} without content", operation=store, cause=reply.cause)
        elif old and reply["action"] != "insert":
            log.merge([i.id for i in old], written[0].id, reason=reply["action"], cause=reply.cause)
        await self._index.add([i.index_text for i in written], mind)

    async def _seen(self, store: str, heard: Sequence[Said], mind: Mind, log: MemoryLog) -> list[Item]:
        items = log.state.active(store)
        text = "\n".join(line.text for line, _ in heard)
        found = {i.id: i for i in await near(self._index, text, items, mind, _SHOWN)}
        if store == "episodic":
            found |= {i.id: i for i in items[-_SHOWN:]}
        return shown([i for i in items if i.id in found], mind, log, store)

    @staticmethod
    def _item(
        store: str, entry: Mapping[str, Any], heard: Sequence[Said], old: Sequence[Item], reply: Reply, log: MemoryLog
    ) -> Item | None:
        """Write an entry; an event that is merged keeps the details of the old one."""
        before = old if reply["action"] != "insert" else []
        kept = dict(entry)
        if reply["action"] == "merge":
            details = [*(i.fields["details"] for i in before), entry["details"]]
            kept["details"] = " ".join(d for d in dict.fromkeys(details) if d)
        text = one_line(_TEXT[store](kept))
        if not any(map(str.isalnum, text)):
            return None
        turns = origin(text, [(line.text, turns) for line, turns in heard])
        every = [t for i in before for t in i.turns] + [*turns]
        return log.write(text, store, every, cause=reply.cause, date=log.now, **kept)

    async def _core(self, heard: Sequence[Said], mind: Mind, log: MemoryLog) -> None:
        """The core's manager appends to a block or rewrites it; a block that would overflow is given back once."""
        error = ""
        for _ in range(2):
            blocks = [self._block(label, log) for label in BLOCKS]
            texts, lines = [line.text for line, _ in heard], [line for line, _ in heard]
            operation = self.operation(
                "core", prompts.facts(texts), schema=_CORE, reads=_nothing, blocks=blocks, error=error, messages=lines
            )
            reply = await ask(mind, log, operation)
            if reply is None or reply["action"] == "nothing" or not reply["content"]:
                return
            old = [i for i in log.state.active("core") if i.fields["label"] == reply["label"]]
            held = sum(len(i.text) + 1 for i in old) if reply["action"] == "append" else 0
            if held + len(reply["content"]) <= self.core:
                self._write_core(old, heard, reply, log)
                return
            error = (
                f"{reply['label']} would have {held + len(reply['content'])} characters; rewrite it with at most half"
            )
            log.dropped(TOO_LONG, f"core: {error}", operation="core", cause=reply.cause)

    @staticmethod
    def _write_core(old: Sequence[Item], heard: Sequence[Said], reply: Reply, log: MemoryLog) -> None:
        rewritten = reply["action"] == "rewrite"
        turns = origin(reply["content"], [(line.text, turns) for line, turns in heard])
        every = [t for i in old for t in i.turns] + [*turns] if rewritten else turns
        item = log.write(reply["content"], "core", every, cause=reply.cause, label=reply["label"])
        if rewritten and old:
            log.merge([i.id for i in old], item.id, reason="rewritten", cause=reply.cause)

    def _block(self, label: str, log: MemoryLog) -> dict[str, Any]:
        lines = [i for i in log.state.active("core") if i.fields.get("label", BLOCKS[0]) == label]
        size = sum(len(i.text) + 1 for i in lines)
        return {"label": label, "size": size, "limit": self.core, "lines": [Line(one_line(i.text)) for i in lines]}

    async def _manage(self, store: str, heard: Sequence[Said], mind: Mind, log: MemoryLog) -> None:
        """A manager as the bundled model plays it: what to store, and how that changes the store."""
        facts, _ = await extract(self, "facts", heard, mind, log)
        old: dict[str, Item] = {}
        for fact in facts:
            old |= {i.id: i for i in await near(self._index, fact.text, log.state.active(store), mind, 5)}
        changed = await decide(self, "decide", facts, list(old.values()), mind, log, store)
        await self._index.add([i.index_text for i in changed], mind)
        if store == "core" and sum(len(i.text) for i in log.state.active("core")) >= 0.9 * self.core:
            await self._rewrite_core(mind, log)

    @staticmethod
    async def _rewrite_core(mind: Mind, log: MemoryLog) -> None:
        """Summarise the older half of the core into one item."""
        lines = log.state.active("core")
        texts = [shortened(i) for i in lines[: max(2, len(lines) // 2)]]
        seen = fitting(texts, mind, 384)
        reply = await ask(mind, log, prompts.summarise(texts[:seen])) if seen > 1 else None
        if reply and reply["summary"]:
            turns = [t for i in lines[:seen] for t in i.turns]
            merged = log.write(reply["summary"], "core", turns, cause=reply.cause)
            log.merge([i.id for i in lines[:seen]], merged.id, reason="the core is nearly full", cause=reply.cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Up to ``k`` of each store around the topic, the newest episodes, the whole core."""
        items = log.state.active(*STORES)
        topic = await self._topic(query, mind, log) if items else query
        found = await self._index.search(topic, items, mind, len(items))
        returned = {i.id for i in items if i.kind == "core"}
        for store in STORES[1:]:
            own = [n for n in best(found.scores) if items[n].kind == store]
            returned |= {items[n].id for n in own[: self.k]}
        returned |= {i.id for i in [i for i in items if i.kind == "episodic"][-self.k :]}
        recall = marked(items, found.scores, returned, self.k)
        spans = sorted(recall.spans, key=lambda s: STORES.index(s.kind))  # stable: store after store, each in time
        return with_recent(replace(recall, spans=tuple(spans)), log.state.active(MESSAGE))

    async def _topic(self, query: str, mind: Mind, log: MemoryLog) -> str:
        asked = one_line(query)
        schema = schemas.fields(topic=schemas.text("the topic, or several with ; between them"))
        operation = self.operation("topic", prompts.keywords(asked), schema=schema, reads=_topics, question=asked)
        reply = await ask(mind, log, operation)
        topic = reply["topic"] if reply else ""
        log.note("topic", topic, cause=reply.cause if reply else 0)
        return topic or query


_ACTIONS: dict[str, tuple[str, ...]] = {
    "episodic": ("insert", "merge", "replace", "nothing"),
    **dict.fromkeys(("semantic", "procedural", "resource", "knowledge"), ("insert", "update", "nothing")),
}
_FIELDS: dict[str, dict[str, schemas.Schema]] = {
    "episodic": {
        "event_type": schemas.text("kind of event"),
        "summary": schemas.text("one sentence, with who and when"),
        "details": schemas.text("everything else that is known of it"),
        "actor": schemas.text("whose event it is: a name, or assistant"),
    },
    "semantic": {
        "name": schemas.text("of the concept, person, place or thing"),
        "summary": schemas.text("what it is, in one sentence"),
        "details": schemas.text("what else is known of it"),
        "source": schemas.text("where the knowledge comes from"),
    },
    "procedural": {
        "entry_type": schemas.text("workflow, guide or script"),
        "summary": schemas.text("what the procedure is for"),
        "steps": schemas.texts("its steps in their order"),
    },
    "resource": {
        "title": schemas.text("of the document, file or material"),
        "summary": schemas.text("what it is and what it belongs to"),
        "resource_type": schemas.text("doc, image, link, code, …"),
        "content": schemas.text("what it says, in full as far as it was told"),
    },
    "knowledge": {
        "entry_type": schemas.text("credential, contact, address, identifier, bookmark, …"),
        "source": schemas.text("where it comes from"),
        "sensitivity": schemas.text("low, medium or high"),
        "secret_value": schemas.text("the data itself"),
        "caption": schemas.text("what the data is for, and whose"),
    },
}
_TEXT: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "episodic": lambda e: f"{e['summary']} {e['details']}",
    "semantic": lambda e: f"{e['name']}: {e['summary']} {e['details']}",
    "procedural": lambda e: f"{e['summary']}: {' '.join(f'{n}. {s}' for n, s in enumerate(e['steps'], 1))}",
    "resource": lambda e: f"{e['title']}: {e['summary']} {e['content']}",
    "knowledge": lambda e: f"{e['caption']}: {e['secret_value']}",
}
_CORE = schemas.fields(
    action=schemas.one_of(("append", "rewrite", "nothing"), "the one change"),
    label=schemas.one_of(BLOCKS, "the block that it changes"),
    content=schemas.text("what is appended, or the whole block anew"),
)


def _nothing(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a manager says that was asked with the one-liner, which knows no change."""
    return {"action": "nothing", "ids": [], "items": [], "label": BLOCKS[0], "content": ""}


def _topics(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"topic": " ".join(said["keywords"])}
