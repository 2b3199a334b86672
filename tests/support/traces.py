"""Run files of any size with every kind of event, written through the real writer: for tests and benchmarks of readers.

The content is invented from a seed; only its shape matters. What lanes really do is tested elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.sessions.model import COMPETENCIES, Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

NAMES = ("Mira", "Tomas", "Ines", "Oskar", "Lena", "Pavel")
CITIES = ("Oslo", "Lima", "Turin", "Kyoto", "Porto", "Quito")
LANES = ("full", "window", "bm25", "dense", "a-mem")


def session(turns: int, probes: int, seed: int = 0) -> Session:
    """A session of people who move house; every probe asks where one of them lives."""
    rng = random.Random(seed)
    said, home = [], {}
    for index in range(turns):
        name, city = rng.choice(NAMES), rng.choice(CITIES)
        if index % 2:
            said.append(Turn(index, "assistant", "Noted.", date=f"2025-03-{1 + index % 28:02d}"))
        else:
            home[name] = (city, index)
            said.append(Turn(index, "user", f"I moved to {city}.", speaker=name, date=f"2025-03-{1 + index % 28:02d}"))
    asked = []
    for number in range(probes):
        after = min(turns - 1, (number + 1) * turns // probes - 1)
        known = [t for t in said[: after + 1] if t.role == "user"]
        turn = rng.choice(known)
        gold = turn.text.removeprefix("I moved to ").rstrip(".")
        competency = COMPETENCIES[number % len(COMPETENCIES)]
        asked.append(Probe(f"p{number}", after, f"Where does {turn.speaker} live?", (gold,), competency, (turn.index,)))
    return Session(f"moving house, seed {seed}", tuple(said), tuple(asked))


@dataclass
class _Lane:
    session: int
    lane: int
    turn: int = -1
    n: int = 0
    events: list[Event] = field(default_factory=list)
    state: MemoryState = field(default_factory=MemoryState)

    def emit(self, kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        self.n += 1
        event = Event(self.session, self.lane, self.turn, self.n, kind, subject, cause, payload, ms)
        self.events.append(event)
        return event

    def log(self, turn: int) -> MemoryLog:
        self.turn = turn
        return MemoryLog(self.emit, self.state, turn)


def write_trace(
    path: Path,
    turns: int = 60,
    items: int = 40,
    probes: int = 12,
    lanes: tuple[str, ...] = LANES,
    seed: int = 0,
    more: str = "",
) -> Path:
    """Write a run of one session; ``items`` per lane, ``more`` said at every turn. About 8 events a turn and lane."""
    plan, rng = session(turns, probes, seed), random.Random(seed)
    plan = replace(plan, turns=tuple(replace(t, text=t.text + more) for t in plan.turns))
    with TraceWriter(path) as writer:
        number = writer.add_session(plan, f"sha-{seed}")
        writer.set_meta("config", {"model": "demo", "embedder": "minilm", "seed": seed})
        writer.append([Event(0, 0, -1, 1, Kind.ENGINE_LOADED, payload=_ENGINE)])
        writers = [_Lane(number, writer.add_lane(name, name.split(":")[0], "full-cache", {"k": 10})) for name in lanes]
        for turn in plan.turns:
            for lane in writers:
                arrays = list(_turn(lane, plan, turn, items / turns, rng))
                writer.append(lane.events, arrays)
                lane.events.clear()
        writer.append([Event(0, 0, turns - 1, 2, Kind.RUN_FINISHED)])
    return path


_ENGINE = {
    "name": "invented", "device": "CPU · 2 threads", "backend": "CPU", "layers": 4, "heads": 4, "parameters": 2_000_000,
    "embedder": "all-MiniLM-L6-v2 (384, mean)", "demo": True, "context": 2048, "capture": True,
}  # fmt: skip


def _turn(lane: _Lane, plan: Session, turn: Turn, rate: float, rng: random.Random) -> Iterator[np.ndarray]:
    log = lane.log(turn.index)
    asked = {"role": "system", "text": "Take a note of the message and give its keywords, as JSON."}
    prompt, raw = [asked, {"role": "user", "text": f"Message\n{turn.said}"}], '{"keywords": ["city"]}'
    call = lane.emit(
        Kind.MODEL_CALLED,
        "",
        {"purpose": "note", "prompt": prompt, "raw": raw, "tokens": [40, 12], "stop": "end"},
        ms=rng.uniform(5, 40),
    )
    due = int((turn.index + 1) * rate) - int(turn.index * rate)
    for _ in range(due):
        fields: dict[str, Any] = {
            "keywords": ["city", turn.said.split()[-1].rstrip(".")],
            "context": "someone moved",
            "tags": ["home"],
        }
        item = log.write(turn.said, "note", cause=call.n, **fields)
        others = [i for i in log.state.active() if i.id != item.id]
        for other in rng.sample(others, min(len(others), 2)):
            log.link(item.id, other.id, "about the same", round(rng.random(), 2), cause=call.n)
        if others and rng.random() < 0.25:
            log.update(
                rng.choice(others).id, context=f"moved again by turn {turn.index}", reason="evolution", cause=call.n
            )
        if len(others) > 3 and rng.random() < 0.15:
            log.supersede(others[0].id, item.id, reason="newer")
        if len(others) > 3 and rng.random() < 0.08:
            log.delete(others[1].id, reason="contradiction")
    if rng.random() < 0.04:
        log.dropped("not in the schema", "expected an object")
    for probe in plan.probes_after(turn.index):
        yield _probe(lane, plan, probe, rng)
    lane.emit(
        Kind.TURN_CLOSED, "", {"calls": 1, "tokens": [40, 12], "items": len(log.state.active())}, ms=rng.uniform(8, 60)
    )


def _probe(lane: _Lane, plan: Session, probe: Probe, rng: random.Random) -> np.ndarray:
    active = lane.state.active()
    rng.shuffle(active)
    hits: list[dict[str, Any]] = [
        {"item": i.id, "rank": rank + 1, "score": round(1 / (rank + 1), 4), "returned": rank < 6,
         "parts": {"cosine": round(1 / (rank + 1), 4)}, "turns": list(i.turns), "text": i.text}
        for rank, i in enumerate(active[:15])
    ]  # fmt: skip
    lane.emit(Kind.RECALLED, probe.id, {"query": probe.question, "k": 6, "hits": hits}, ms=2.0)
    spans: list[dict[str, Any]] = []
    at = 4
    spans.append(
        {"kind": "instruction", "label": "instruction", "text": "Answer.", "items": [], "turns": [], "tokens": [0, 4]}
    )
    for hit in hits[:6]:
        length = len(hit["text"].split()) + 2
        spans.append({"kind": "memory", "label": hit["item"], "text": hit["text"], "items": [hit["item"]],
                      "turns": hit["turns"], "tokens": [at, at + length]})  # fmt: skip
        at += length
    spans.append(
        {
            "kind": "question",
            "label": "question",
            "text": probe.question,
            "items": [],
            "turns": [],
            "tokens": [at, at + 8],
        }
    )
    at += 8
    lane.emit(Kind.PACKED, probe.id, {"budget": 512, "tokens": at, "spans": spans, "dropped": hits[5:6]})
    right = rng.random() < 0.35 + 0.12 * lane.lane
    answer = probe.gold[0] if right else rng.choice(CITIES)
    tokens = [[answer, -0.1]]
    lane.emit(
        Kind.ANSWERED,
        probe.id,
        {"text": answer, "tokens": tokens, "prompt_tokens": at, "error": ""},
        ms=rng.uniform(10, 90),
    )
    weights = np.random.default_rng(rng.randrange(1 << 30)).dirichlet(np.full(at, 0.05), (4, 4, 1)).astype(np.float16)
    texts = [w + " " for s in spans for w in (s["text"].split() + [""] * at)[: s["tokens"][1] - s["tokens"][0]]]
    captured = {"blob": blobs.encode(weights)[0], "layers": [0, 1, 2, 3], "heads": 4, "tokens": texts, "bins": None}
    lane.emit(Kind.CAPTURED, probe.id, captured)
    found = next((h["rank"] for h in hits if set(h["turns"]) & set(probe.evidence)), 0)
    recall = {str(k): float(0 < found <= k) for k in (1, 5, 10)}
    right = answer in probe.gold
    scored = {"correct": right, "score": float(right), "extracted": answer, "scorer": "match",
              "competency": probe.competency, "recall": recall, "rank": found}  # fmt: skip
    lane.emit(Kind.SCORED, probe.id, scored)
    return weights
