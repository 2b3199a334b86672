"""A run of LoCoMo's shape: five categories, three lanes, three controls, and figures that one can count by hand."""

from __future__ import annotations

from pathlib import Path

from workbench.probes import score_probe
from workbench.sessions import Probe, Session, Turn, tasks
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

CATEGORIES = (4, 4, 4, 4, 1, 2, 2, 3, 5, 5)
LANES = {
    "bm25": "rrrrhrwrdw",
    "window": "rwwwhwwwdd",
    "a-mem": "rrrwrrrwdd",
    "no-memory": "rwwwwwwwdw",
    "oracle": "rrrrrrrrdd",
    "full": "rrrrrrwrdd",
}
"""By lane a letter a probe: right, wrong, half of two parts, declines."""


def benchmark_run(path: Path, each: int = 1, sessions: int = 1) -> Path:
    """Write it; ``each``: turns between two probes, of which the first is asked after turn 0."""
    with TraceWriter(path) as writer:
        numbers = [writer.add_session(_session(f"conv-{n}", each), f"sha-{n}") for n in range(sessions)]
        ids = {name: writer.add_lane(name, name, "full-cache", {}) for name in LANES}
        for number in numbers:
            for name, said in LANES.items():
                writer.append(_events(number, ids[name], said, _session("", each), name))
        writer.append([Event(0, 0, len(CATEGORIES) * each - 1, 1, Kind.RUN_FINISHED)])
    return path


def _session(name: str, each: int) -> Session:
    probes = tuple(_probe(n, category, n * each) for n, category in enumerate(CATEGORIES))
    turns = tuple(Turn(n, "user", f"I bought boat {n}.") for n in range(len(CATEGORIES) * each))
    return Session(name, turns, probes, "locomo")


def _probe(number: int, category: int, after: int) -> Probe:
    gold = () if category == 5 else ("oak, elm",) if category == 1 else (f"boat {number}",)
    fields = tasks.locomo(category)
    competency = {2: "long_range_understanding", 5: "abstention"}.get(category, "accurate_retrieval")
    return Probe(f"q{number}", after, f"Which one, {number}?", gold, competency, (after,), abstain=category == 5,
                 extra={"category": category}, **fields)  # fmt: skip


def _events(session: int, lane: int, said: str, plan: Session, name: str) -> list[Event]:
    events: list[Event] = []
    for probe, letter in zip(plan.probes, said, strict=True):
        gold = probe.gold[0] if probe.gold else "x"
        answer = {"r": gold, "w": "nothing of it", "h": "elm", "d": "Not mentioned in the conversation"}[letter]
        k = 0 if name in ("no-memory", "oracle") else 5
        hits = [(1, True, probe.evidence)] if letter == "r" and k else []
        payloads = {
            Kind.RECALLED: {"query": probe.question, "k": k, "hits": []},
            Kind.PACKED: {"budget": 100, "tokens": 50, "spans": [], "dropped": [{}] if probe.id == "q9" else []},
            Kind.ANSWERED: {"text": answer, "tokens": [], "prompt_tokens": 50, "error": ""},
            Kind.SCORED: score_probe(probe, answer, hits, k),
        }
        for kind, payload in payloads.items():
            events.append(Event(session, lane, probe.after, len(events) + 1, kind, probe.id, payload=payload))
        for turn in range(probe.after, probe.after + len(plan.turns) // len(CATEGORIES)):
            events.append(Event(session, lane, turn, len(events) + 1, Kind.TURN_CLOSED, payload={"items": 0}))
    return events
