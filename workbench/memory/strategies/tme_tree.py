"""TME with a task memory tree: what the user wants, as tasks and slots that are revised in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Vectors, cut, fitting, hits, room
from workbench.memory.replies import Reply, ask
from workbench.sessions.model import Turn

TASK, SLOT = "task", "slot"
PART_OF = "part of"


@dataclass
class TMETree(MemoryStrategy):
    """Keep a forest of tasks whose slots hold values, and revise a slot when the user changes their mind.

    The user's input is decomposed into a task, a slot and a value (one call; one for every ``step`` tokens of a long
    input) and held against the slots nearest to it (one call): what contradicts a slot is an *update*, which replaces
    the value, keeps the old one in the slot's history and marks everything below it for revision; what repeats a slot
    is a *check*, which changes nothing; everything else is *new*. A task that an existing value mentions becomes part
    of that slot. The assistant's reply is kept with the slots of the input it answers. A question is answered from the
    sub-trees of the tasks that it names, and from the nearest slots, without a call.

    Task Memory Engine, arXiv 2504.08525 and 2505.19436; written from the papers' idea, not from their code.

    Attributes:
        k: slots returned.
        near: slots that an input is held against.
        step: tokens decomposed at once.
    """

    name: ClassVar[str] = "tme-tree"
    title: ClassVar[str] = "TME (tree)"
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Task Memory Engine, arXiv 2504.08525"
    differs: ClassVar[str] = (
        "Intent is the model's verdict on each near slot instead of one open classification, and a question is matched "
        "to sub-trees without a call. What depends on a changed slot is marked, not executed again."
    )

    k: int = 10
    near: int = 5
    step: int = 64
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Decompose the input, classify each part and apply it; an assistant's reply goes to the last slots."""
        if not turn.text.strip():
            return
        if turn.role == "assistant":
            return self._reply(turn, log)
        speaker = turn.speaker or turn.role
        size = min(self.step, room(mind, 256, 0.3))
        for n, piece in enumerate(cut(turn.said, size, mind.count_tokens)):
            await self._take_in(f"{speaker}: {piece}" if n else piece, speaker, mind, log)

    @staticmethod
    def _reply(turn: Turn, log: MemoryLog) -> None:
        slots = log.state.active(SLOT)
        last = max((i.fields["touched"] for i in slots), default=-1)
        if not slots:
            log.dropped("a reply without a task", turn.text[:200])
        for item in (i for i in slots if i.fields["touched"] == last):
            log.update(item.id, turns=[*item.turns, turn.index], response=turn.text, responded=turn.index)

    async def _take_in(self, said: str, speaker: str, mind: Mind, log: MemoryLog) -> None:
        operation = self.operation(
            "decompose", prompts.note(said), schema=_DECOMPOSED, reads=_from_note,
            input=Line(one_line(said), log.when), tasks=[t.text for t in log.state.active(TASK)],
        )  # fmt: skip
        part = await ask(mind, log, operation)
        words = [w for w in (part["task"], *part["words"]) if w] if part else []
        tags = [part["slot"]] if part and part["slot"] else []
        value = part["value"] if part else ""
        text = " | ".join(t for t in (said, value, ", ".join(words)) if t)
        intent, slot, cause = await self._classify(text, mind, log)
        log.note("intent", {"intent": intent, "slot": slot.id if slot else "", "input": said}, cause=cause)
        if slot is None or intent == "new":
            title = words[0] if words else speaker
            slot = self._new(text, title, tags[0] if tags else value or said, said, log, part)
            await self._connect(slot, mind, log)
        elif intent == "update":
            answer = f" (answered: {slot.fields['response']})" if slot.fields["response"] else ""
            history = [*slot.fields["history"], [slot.turns[-1], slot.text + answer]]
            values: dict[str, Any] = {"text": text, "index_text": text, "value": value or said, "history": history}
            fresh = {"touched": log.turn, "response": "", "responded": -1, "revise": ""}
            log.update(slot.id, turns=[log.turn], reason="update", cause=cause, **values, **fresh)
            self._propagate(slot, text, log, cause)
        else:
            log.update(slot.id, turns=[*slot.turns, log.turn], touched=log.turn, reason="check", cause=cause)

    async def _classify(self, text: str, mind: Mind, log: MemoryLog) -> tuple[str, Item | None, int]:
        slots = log.state.active(SLOT)
        scores = await self._vectors.cosines(mind, text, [i.index_text for i in slots])
        nearest = [slots[i] for i in (-scores).argsort(kind="stable")[: self.near]]
        near = nearest[: len(fitting([i.text for i in nearest], room(mind, 256, 0.6), mind.count_tokens))]
        if not near:
            return "new", None, 0
        plain = prompts.relate(text, [i.text for i in near])
        operation = self.operation(
            "classify", plain, schema=_classified(len(near)), reads=_intents,
            input=Line(one_line(text), log.when), slots=[told(i, _with_history(i)) for i in near],
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        cause = reply.cause if reply else 0
        said = {v["slot"]: v["intent"] for v in reply["intents"]} if reply else {}
        verdicts = [said.get(n, "new") for n in range(len(near))]
        if reply and not mind.full and len(said) != len(near):
            log.dropped("wrong length", f"{len(said)} verdicts on {len(near)} slots", cause=cause)
            return "new", None, cause
        for intent in ("check", "update"):
            if intent in verdicts:
                return intent, near[verdicts.index(intent)], cause
        return "new", None, cause

    def _new(self, text: str, title: str, slot: str, said: str, log: MemoryLog, part: Reply | None) -> Item:
        cause = part.cause if part else 0
        task = next((i for i in log.state.active(TASK) if i.text.casefold() == title.casefold()), None)
        if task is None:
            above = self._mentioning(title, log)
            task = log.write(title, TASK, index_text="", cause=cause, parent=above.id if above else "")
            if above:
                log.link(task.id, above.id, PART_OF, cause=cause)
        values: dict[str, Any] = {
            "slot": slot, "value": part["value"] if part else said, "parent": task.id, "dependencies": [],
            "history": [], "touched": log.turn, "response": "", "responded": -1, "revise": "",
        }  # fmt: skip
        item = log.write(text, SLOT, cause=cause, **values)
        log.link(item.id, task.id, PART_OF, cause=cause)
        return item

    @staticmethod
    def _mentioning(title: str, log: MemoryLog) -> Item | None:
        word = re.compile(rf"\b{re.escape(title.casefold())}\b")
        found = (i for i in reversed(log.state.active(SLOT)) if word.search(str(i.fields["value"]).casefold()))
        return next(found, None)

    async def _connect(self, slot: Item, mind: Mind, log: MemoryLog) -> None:
        """Say what a new slot depends on; a tree knows no dependency but the parent."""

    def _propagate(self, slot: Item, new: str, log: MemoryLog, cause: int) -> None:
        reached = self._dependants(slot.id, log)
        for item in reached:
            log.update(item.id, revise=slot.id, reason=f"{slot.id} changed", cause=cause)
        ripple = {"from": slot.id, "old": slot.text, "new": new, "to": [i.id for i in reached]}
        log.note("propagation", ripple, subject=slot.id, cause=cause)

    def _dependants(self, start: str, log: MemoryLog) -> list[Item]:
        """Slots below or depending on ``start``, nearest first, each once."""
        nodes = log.state.active(TASK, SLOT)
        seen, queue = {start}, [start]
        while queue:
            at = queue.pop(0)
            for node in nodes:
                if node.id not in seen and at in (node.fields["parent"], *node.fields.get("dependencies", ())):
                    seen.add(node.id)
                    queue.append(node.id)
        return [n for n in nodes if n.id in seen and n.id != start and n.kind == SLOT]

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest slots, those of tasks that the question names first, in the order of the forest."""
        slots = log.state.active(SLOT)
        cosines = await self._vectors.cosines(mind, query, [i.index_text for i in slots])
        words = query.casefold()
        named = {i.id for i in log.state.active(TASK) if re.search(rf"\b{re.escape(i.text.casefold())}\b", words)}
        scores = {
            i.id: {"cosine": float(c), "path": float(i.fields["parent"] in named)}
            for i, c in zip(slots, cosines, strict=True)
        }
        best = sorted(scores, key=lambda name: -sum(scores[name].values()))[: self.k]
        returned = {*best, *self._needed(best, log)}
        shown = sorted((i for i in slots if i.id in returned), key=lambda i: (i.fields["parent"], i.created))
        spans = [s for i in shown for s in self._spans(i, sum(scores[i.id].values()), mind, log)]
        scored = [(name, sum(parts.values()), name in returned, parts) for name, parts in scores.items()]
        return Recall(tuple(spans), hits(scored), self.k)

    def _needed(self, chosen: Iterable[str], log: MemoryLog) -> list[str]:
        """Slots above the chosen ones on their paths."""
        above = []
        for name in chosen:
            task = log.state[log.state[name].fields["parent"]]
            above += [task.fields["parent"]] if task.fields["parent"] else []
        return above

    @staticmethod
    def _spans(item: Item, score: float, mind: Mind, log: MemoryLog) -> list[Span]:
        response, at = item.fields["response"], item.fields["responded"]
        own = tuple(t for t in item.turns if t != at) or item.turns
        text = _with_history(item) + _to_revise(item, log) if mind.full else item.text
        spans = [Span(text, (item.id,), own, SLOT, str(item.fields["slot"]), 1 + score)]
        if response:
            spans.append(Span(f"assistant: {response}", (item.id,), (at,), "reply", str(item.fields["slot"]), score))
        return spans


_INTENTS = ("check", "update", "new")
_DECOMPOSED = schemas.fields(
    task=schemas.text("the task: what or whom the input is about, two or three words"),
    slot=schemas.text("the slot: which property, step or question of the task"),
    value=schemas.text("the value: what the input says of the slot"),
    words=schemas.texts("further words by which the slot can be found", default=()),
)


def _from_note(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner's note: its first keyword is the task, its first tag the slot, its context the value."""
    task, *words = [w for w in plain["keywords"] if w] or [""]
    slot = next((t for t in plain["tags"] if t), "")
    return {"task": task, "slot": slot, "value": plain["context"], "words": words}


def _classified(count: int) -> schemas.Schema:
    intent = schemas.fields(
        slot=schemas.index(count, "number of the slot"), intent=schemas.one_of(_INTENTS, "what the input does to it")
    )
    return schemas.fields(intents=schemas.many(intent, "one for every slot", most=count))


def _intents(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner's verdicts as intents, under the numbers of their slots."""
    known = {"redundant": "check", "contradictory": "update", "independent": "new"}
    return {"intents": [{"slot": n, "intent": known[v]} for n, v in enumerate(plain["verdicts"])]}


def _with_history(slot: Item) -> str:
    """A slot with the values that it had before, newest first."""
    before = " | ".join(text for _, text in reversed(slot.fields["history"]))
    return f"{slot.text} | before: {before}" if before else slot.text


def _to_revise(slot: Item, log: MemoryLog) -> str:
    """What has changed above a slot, so that its value may no longer hold."""
    cause = slot.fields["revise"]
    return f" | may no longer hold, since this has changed: {log.state[cause].text}" if cause else ""
