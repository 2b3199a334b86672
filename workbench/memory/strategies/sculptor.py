"""Sculptor: tools that fold, summarise, restore and search the fragments of the context."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span, above
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut, hits, room
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

FULL, SUMMARY, FOLDED = "full", "summary", "folded"
MATCHES = 50


@dataclass
class Sculptor(MemoryStrategy):
    """Keep the whole message list, and let tools decide which fragments of it are seen in full.

    Every message is a fragment with an id of six characters (a long one several); its ``view`` is ``full``, ``summary``
    or ``folded``, and each change of view can be taken back. The number and the order of fragments never change. After
    a turn the model names the older fragments that it contradicts or repeats, which are folded; when the context is
    fuller than ``fill``, the oldest fragments are summarised, then folded. A question begins with a search for its
    keywords, which restores what matches and folds the rest; then the model folds what does not help. A question is
    asked in a copy of the context: what its tools fold does not outlive it, so that asking does not change the memory.
    Calls: up to 1 + one per summary for a turn; 1 + one per batch of fragments for a question; never more than
    ``calls``.

    Sculptor, arXiv 2508.04664.

    Attributes:
        calls: tool calls in one step at most (20).
        fragments: a message longer than this fraction of what fits is cut (5: a fifth).
        similar: older fragments that a new one is held against.
        fill: share of the context above which the oldest fragments are summarised or folded.
        placeholders: whether a folded fragment keeps a line of its own in the context, as published; while answering
            no tool can be called, so that nothing could be done with it.
        batch: fragments that the model judges at once.
        short: tokens below which a fragment is folded and not summarised: that would free less than it costs.
    """

    name: ClassVar[str] = "sculptor"
    title: ClassVar[str] = "Sculptor"
    embeds: ClassVar[bool] = False
    fidelity: ClassVar[Fidelity] = "adapted"
    paper: ClassVar[str] = "Sculptor, arXiv 2508.04664"
    differs: ClassVar[str] = (
        "The model does not write tool calls freely: it answers which fragments interfere, which keywords to search "
        "and which fragments help, and the tools run on its answers; how full the context is decides when to "
        "summarise."
    )

    calls: int = 20
    fragments: int = above(1, 5)
    similar: int = 5
    fill: float = 0.8
    placeholders: bool = False
    batch: int = 8
    short: int = 32

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Fragment the message, fold what it makes obsolete, free room when there is too little."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, room(mind, 0, 1 / self.fragments), mind.count_tokens):
            before = [i for i in log.state.active("fragment") if i.fields["view"] == FULL]
            new = log.write(piece, "fragment", id=_new_id(log), index_text="", view=FULL, summary="")
            called = await self._interference(new, before, mind, log)
            await self._free(mind, log, called)

    async def _interference(self, new: Item, before: Sequence[Item], mind: Mind, log: MemoryLog) -> int:
        shared = {i.id: len(_words(i.text) & _words(new.text)) for i in before}
        others = [i for i in reversed(before) if shared[i.id]]
        others = sorted(others, key=lambda i: -shared[i.id])[: self.similar]
        others = next(_batches(others, room(mind, 256, 0.5), mind), [])
        if not others or self.calls < 1:
            return 0
        plain = prompts.relate(new.text, [i.text for i in others])
        schema, lines = _interfering(len(others)), [told(i) for i in others]
        operation = self.operation(
            "interference", plain, schema=schema, reads=_numbered, new=told(new), fragments=lines
        )
        reply = await ask(mind, log, operation)
        verdicts = reply["verdicts"] if reply else []
        if reply and not mind.full and len(verdicts) != len(others):
            log.dropped("wrong length", f"{len(verdicts)} verdicts on {len(others)} fragments", cause=reply.cause)
        elif reply:
            for number, verdict in {v["fragment"]: v["verdict"] for v in verdicts}.items():
                if verdict != "independent":
                    log.update(others[number].id, view=FOLDED, reason=f"{verdict}: see {new.id}", cause=reply.cause)
        return 1

    async def _free(self, mind: Mind, log: MemoryLog, called: int) -> None:
        items = log.state.active("fragment")
        sizes = {i.id: mind.count_tokens(self._seen(i)) for i in items}
        for item in (i for i in items[:-1] if i.fields["view"] != FOLDED):
            if sum(sizes.values()) <= self.fill * mind.budget:
                break
            if item.fields["view"] == FULL and sizes[item.id] > self.short and called < self.calls:
                called += 1
                await self._summarise(item, mind, log)
            else:
                log.update(item.id, view=FOLDED, reason="the context is full")
            sizes[item.id] = mind.count_tokens(self._seen(log.state[item.id]))

    async def _summarise(self, item: Item, mind: Mind, log: MemoryLog) -> None:
        schema = schemas.fields(summary=schemas.text("the passage, shorter"))
        operation = self.operation("summarise", prompts.summarise([item.text]), schema=schema, fragment=told(item))
        reply = await ask(mind, log, operation)
        text = reply["summary"] if reply else ""
        if reply and text and mind.count_tokens(text) < mind.count_tokens(item.text):
            log.update(item.id, view=SUMMARY, summary=text, reason="the context is full", cause=reply.cause)
        else:
            log.update(item.id, view=FOLDED, reason="no shorter summary")

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """Search, restore what matches, fold what does not help; every fragment in its order."""
        items = log.state.active("fragment")
        if not items:
            return Recall(())
        views = {i.id: str(i.fields["view"]) for i in items}
        found = await self._search(query, items, mind, log)
        restored = [name for name in found if views[name] != FULL]
        views |= dict.fromkeys(restored, FULL)
        candidates = [i for i in items if views[i.id] == FULL and (i.id in found or not found)]
        useful, asked = await self._useful(query, candidates, mind, log)
        keep = useful or set(found)
        folded = [i.id for i in items if i.id not in keep and (found or i.id in asked)] if keep else []
        views |= dict.fromkeys(folded, FOLDED)
        log.note("tools", {"matches": found, "restored": restored, "folded": folded})
        return self._shown(items, views, found, useful)

    async def _search(self, query: str, items: Sequence[Item], mind: Mind, log: MemoryLog) -> dict[str, int]:
        """The exact search: how many keywords each matching fragment holds."""
        asked = cut(query, room(mind, 96), mind.count_tokens)
        schema = schemas.fields(keywords=schemas.texts("words and phrases to search for, the most telling first"))
        plain = prompts.keywords(asked[0] if asked else "")
        operation = self.operation("search", plain, schema=schema, question=asked[0] if asked else "")
        reply = await ask(mind, log, operation) if asked else None
        words = {w.casefold() for w in reply["keywords"] if w} if reply else set()
        counts = {i.id: sum(w in i.text.casefold() for w in words) for i in items}
        best = sorted((name for name, n in counts.items() if n), key=lambda name: -counts[name])[:MATCHES]
        return {name: counts[name] for name in best}

    async def _useful(
        self, query: str, items: Sequence[Item], mind: Mind, log: MemoryLog
    ) -> tuple[set[str], list[str]]:
        useful: set[str] = set()
        asked: list[str] = []
        for called, batch in enumerate(
            _batches(items, room(mind, 128 + mind.count_tokens(query), 0.8), mind, self.batch), 1
        ):
            if called >= self.calls:
                break
            plain = prompts.relevant(query, [i.text for i in batch])
            lines = [told(i) for i in batch]
            useful_ones = schemas.many(schemas.index(len(batch)), "numbers of the passages that help", most=len(batch))
            schema = schemas.fields(useful=useful_ones)
            operation = self.operation("useful", plain, schema=schema, question=query, fragments=lines)
            reply = await ask(mind, log, operation)
            if reply:
                asked += [i.id for i in batch]
                useful |= {batch[n].id for n in reply["useful"]}
        return useful, asked

    def _shown(self, items: Sequence[Item], views: dict[str, str], found: dict[str, int], useful: set[str]) -> Recall:
        spans, scored = [], []
        for age, item in enumerate(items):
            view = views[item.id]
            text = _view(item, view)
            score = 2.0 * (item.id in useful) + found.get(item.id, 0) + age / len(items)
            if view != FOLDED or self.placeholders:
                priority = score if view != FOLDED else score - len(found) - 9
                spans.append(Span(text, (item.id,), item.turns, view, item.id, priority))
            parts = {"keywords": float(found.get(item.id, 0)), "useful": float(item.id in useful)}
            scored.append((item.id, score, view != FOLDED, parts))
        return Recall(tuple(spans), hits(scored), sum(s[2] for s in scored))

    def _seen(self, item: Item) -> str:
        folded_away = item.fields["view"] == FOLDED and not self.placeholders
        return "" if folded_away else _view(item, item.fields["view"])


def _interfering(count: int) -> schemas.Schema:
    """The schema of the verdicts on ``count`` older fragments."""
    verdict = schemas.fields(
        fragment=schemas.index(count, "number of the older passage"),
        verdict=schemas.one_of(["contradictory", "redundant", "independent"], "what it is to the new passage"),
    )
    return schemas.fields(verdicts=schemas.many(verdict, "one for every older passage", most=count))


def _numbered(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The one-liner's verdicts, which stand in the order of the fragments, under their numbers."""
    return {"verdicts": [{"fragment": n, "verdict": v} for n, v in enumerate(plain["verdicts"])]}


def _view(item: Item, view: str) -> str:
    if view == FOLDED:
        return f"[folded {item.id}]"
    return item.fields["summary"] if view == SUMMARY else item.text


def _new_id(log: MemoryLog) -> str:
    salt = len(log.state)
    while (name := hashlib.blake2s(f"{log.seed} {salt}".encode()).hexdigest()[:6]) in log.state:
        salt += 1_000_003
    return name


def _words(text: str) -> set[str]:
    return {w for w in re.findall(r"\w+", text.casefold()) if len(w) > 3}


def _batches(items: Sequence[Item], limit: int, mind: Mind, most: int = 99) -> Iterator[list[Item]]:
    """Items in groups of at most ``limit`` tokens and ``most`` items, at least one in each."""
    batch: list[Item] = []
    length = 0
    for item in items:
        size = mind.count_tokens(item.text) + 4  # its number in the prompt
        if batch and (length + size > limit or len(batch) >= most):
            yield batch
            batch, length = [], 0
        batch.append(item)
        length += size
    if batch:
        yield batch
