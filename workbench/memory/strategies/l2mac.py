"""L2MAC: an instruction registry and a file store; every instruction runs in a fresh context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span
from workbench.memory.items import Item
from workbench.memory.lines import Line, one_line, told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Source, cut, hits, room
from workbench.memory.replies import ask
from workbench.sessions.model import Turn


@dataclass
class L2MAC(MemoryStrategy):
    """Turn every message into an instruction, run it in a fresh context, and keep its results in files.

    The control unit shows the model the instruction, the names of the files and what the step before gave, then the
    lines of the file that was opened; nothing else is carried from step to step. A fact is written into the file that
    the model names; when there is none of that name, a model that was not shown the names chooses between a new one and
    those there are. Lines that the fact contradicts or repeats are overwritten. When a file leaves too little room, its
    oldest lines are popped out of the context, not out of the file.
    A finished instruction leaves the context; a failed one stays in the registry and is shown as it is. Calls: 1 for
    the step, then for each fact 1 to name its file, 1 to choose when the name is new, 1 to view and overwrite; 1 for a
    question, which opens up to ``files`` files.

    L2MAC, arXiv 2310.02003.

    Attributes:
        free: tokens that a full context is emptied by (L2MAC: 700), at most half of what fits.
        files: files opened for a question.
        names: file names shown to the model, the last written ones.
    """

    name: ClassVar[str] = "l2mac"
    title: ClassVar[str] = "L2MAC"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "L2MAC, arXiv 2310.02003"
    differs: ClassVar[str] = (
        "Files hold facts instead of code, so nothing is executed or tested; the instructions are the session's "
        "messages instead of a planned program of at most ten. A step is not retried: at temperature 0 it would end "
        "the same."
    )

    free: int = 700
    files: int = 3
    names: int = 64

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Register the message as an instruction and run it."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, room(mind, 384), mind.count_tokens):
            step = log.write(piece, "instruction", index_text="", status="registered")
            await self._run(step, mind, log)

    async def _run(self, step: Item, mind: Mind, log: MemoryLog) -> None:
        schema = schemas.fields(facts=schemas.texts("what the step gives, a sentence for each; may be empty"))
        operation = self.operation(
            "step", prompts.facts([step.text]), schema=schema,
            instruction=told(step), before=_before(step, log), files=self._names(mind, log),
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        if reply is None:
            log.update(step.id, status="failed", reason="no readable result")
            return
        touched = [await self._store(fact, step, mind, log) for fact in reply["facts"] if fact]
        fill = {"instruction": mind.count_tokens(step.text), "room": mind.budget}
        log.note("step", fill | {"files": touched}, subject=step.id, cause=reply.cause)
        done = "; ".join(f"{name}: {fact}" for name, fact in zip(touched, filter(None, reply["facts"]), strict=True))
        log.update(step.id, status="complete", files=touched, summary=done, cause=reply.cause)
        log.evict(step.id, reason="step complete", cause=reply.cause)

    async def _store(self, fact: str, step: Item, mind: Mind, log: MemoryLog) -> str:
        fact = cut(fact, room(mind, 256, 0.25), mind.count_tokens)[0]
        name = await self._file(fact, mind, log)
        existing = next((i for i in log.state.active("file") if i.fields["name"] == name), None)
        if existing is None:
            log.write(f"{name}: {fact}", "file", step.turns, name=name, lines=[[fact, list(step.turns)]])
        else:
            await self._overwrite(existing, fact, step, mind, log)
        return name

    async def _file(self, fact: str, mind: Mind, log: MemoryLog) -> str:
        """The file that a fact belongs to: the one that the model names, or one of those there are instead."""
        names = self._names(mind, log)
        schema = schemas.fields(file=schemas.text("the name of the file"))
        operation = self.operation(
            "file", prompts.note(fact), schema=schema, reads=_first_tag, max_tokens=64,
            result=Line(one_line(fact), log.when), files=names,
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        name = (reply["file"][:40].lower() if reply else "") or "notes"
        if mind.full or not names or name in names:
            return name  # a full prompt has shown which files there are
        reply = await ask(mind, log, prompts.choose(fact, [*names, name]))
        return str(reply["choice"][0]) if reply and reply["choice"] else name

    def _names(self, mind: Mind, log: MemoryLog) -> list[str]:
        written = sorted(log.state.active("file"), key=lambda i: -i.changed)[: self.names]
        names, left = [], room(mind, 24 * self.files, 0.5)
        for item in written:
            left -= mind.count_tokens(item.fields["name"]) + 1
            if left < 0:
                break
            names.append(item.fields["name"])
        return names

    async def _overwrite(self, file: Item, fact: str, step: Item, mind: Mind, log: MemoryLog) -> None:
        unseen, lines = self._viewed(file, mind, log)
        plain = prompts.relate(fact, [text for text, _ in lines])
        shown = [Line(text, log.said_at(turns)) for text, turns in lines]
        operation = self.operation(
            "overwrite", plain, schema=_overwriting(len(lines)), reads=_numbered,
            file=file.fields["name"], lines=shown, result=Line(one_line(fact), log.when),
        )  # fmt: skip
        reply = await ask(mind, log, operation)
        verdicts = {v["line"]: v["verdict"] for v in reply["verdicts"]} if reply else {}
        if reply and not mind.full and len(verdicts) != len(lines):
            log.dropped("wrong length", f"{len(verdicts)} verdicts on {len(lines)} lines", cause=reply.cause)
            verdicts = {}
        turns = set(step.turns)
        kept = unseen
        for number, (text, origin) in enumerate(lines):
            verdict = verdicts.get(number, "independent")
            if verdict == "redundant":
                turns |= set(origin)
            elif verdict != "contradictory":
                kept.append((text, origin))
        self._write(file, [*kept, (fact, tuple(sorted(turns)))], "overwritten", reply.cause if reply else 0, log)

    def _viewed(self, file: Item, mind: Mind, log: MemoryLog) -> tuple[list[Source], list[Source]]:
        """The lines of a file that are not in view, and those that are.

        When the file leaves too little room, its oldest lines are popped out of the context until ``free`` tokens are
        free, and the step begins again; they stay in the file as they are.
        """
        lines = [(text, tuple(turns)) for text, turns in file.fields["lines"]]
        limit = room(mind, 384, 0.5)
        sizes = [mind.count_tokens(text) + 4 for text, _ in lines]
        if sum(sizes) <= limit:
            return [], lines
        popped, to_free = 0, min(self.free, limit // 2)
        while popped < len(lines) - 1 and sum(sizes[popped:]) > limit - to_free:
            popped += 1
        log.note("popped", {"file": file.id, "lines": popped, "tokens": sum(sizes[:popped])}, subject=file.id)
        return lines[:popped], lines[popped:]

    @staticmethod
    def _write(file: Item, lines: Sequence[Source], reason: str, cause: int, log: MemoryLog) -> None:
        text = f"{file.fields['name']}: {' '.join(text for text, _ in lines)}"
        turns = {t for _, origin in lines for t in origin}
        kept = [[text, list(origin)] for text, origin in lines]
        log.update(file.id, text=text, index_text=text, turns=turns, lines=kept, reason=reason, cause=cause)

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Open the files that the model chooses, all when it chooses none; failed steps are shown as they are."""
        files, pending = log.state.active("file"), log.state.active("instruction")
        names, opened = self._names(mind, log), list[str]()
        if names:
            asked = cut(query, room(mind, 24 * self.files, 0.5), mind.count_tokens)
            plain = prompts.choose(asked[0] if asked else "", names, self.files)
            opens = schemas.many(schemas.index(len(names)), "numbers of the files to open", most=self.files)
            operation = self.operation(
                "open", plain, schema=schemas.fields(files=opens), max_tokens=64, question=query, names=names,
                reads=lambda plain: {"files": [names.index(name) for name in plain["choice"]]},
            )  # fmt: skip
            reply = await ask(mind, log, operation)
            opened = [names[n] for n in dict.fromkeys(reply["files"])] if reply else []
        chosen = {name: 1 / rank for rank, name in enumerate(opened, 1)}
        scores = {i.id: chosen.get(i.fields["name"], 0.0) for i in files} | {i.id: 0.0 for i in pending}
        shown = [i for i in files if scores[i.id]] or files
        spans = [
            Span(text, (i.id,), tuple(turns), "file", i.fields["name"], 1 + scores[i.id])
            for i in shown
            for text, turns in i.fields["lines"]
        ]
        spans += [Span(i.text, (i.id,), i.turns, "instruction", i.id) for i in pending]
        returned = {i.id for i in [*shown, *pending]}
        scored = [(i, score, i in returned, {"opened": score}) for i, score in scores.items()]
        return Recall(tuple(spans), hits(scored), len(returned))


def _before(step: Item, log: MemoryLog) -> list[Line]:
    """What the step before gave: all that is carried from one context to the next."""
    done = [i for i in log.state.items.values() if i.kind == "instruction" and i.fields.get("summary")]
    return [Line(i.fields["summary"], i.when) for i in done[-1:] if i.id != step.id]


def _overwriting(count: int) -> schemas.Schema:
    """The schema of the verdicts on the lines of a file."""
    verdict = schemas.fields(
        line=schemas.index(count, "number of the line"),
        verdict=schemas.one_of(["contradictory", "redundant", "independent"], "what it is to the new result"),
    )
    return schemas.fields(verdicts=schemas.many(verdict, "one for every line", most=count))


def _numbered(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {"verdicts": [{"line": n, "verdict": v} for n, v in enumerate(plain["verdicts"])]}


def _first_tag(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {"file": next((t for t in plain["tags"] if t), "")}
