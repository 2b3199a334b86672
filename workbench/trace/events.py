"""The vocabulary of the trace: what an event is and which kinds there are.

Payloads are plain JSON objects. Keys are listed beside each kind; a reader ignores keys it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Event kinds, ``noun.verbed``. ``item.*`` are the ten operations of the one language of every memory."""

    # The engine. Lane is None.
    RUN_STARTED = "run.started"  # {resumed}
    RUN_CANCELLED = "run.cancelled"  # {}
    RUN_FINISHED = "run.finished"  # {}
    ENGINE_LOADED = "engine.loaded"  # ModelInfo as a dict, {embedder, versions}
    BRANCHED = "lane.branched"  # {lane, parent, session, turn, edits: [{kind, name, value}], settings}
    ENGINE_MEASURED = "engine.measured"  # {after: seconds since it was loaded} and workbench.llm.load.Load as a dict
    ENGINE_CRASHED = "engine.crashed"  # {signal, log}
    # A ``Turn`` as a dict, appended to the stored turns of a session that is being recorded.
    TURN_RECORDED = "turn.recorded"
    JUDGE_TESTED = "judge.tested"  # {name, judge, accepted, wrong, right_accepted, right, unread}: the stress test
    # Operations; subject is the item id.
    WRITTEN = "item.written"  # {kind, text, turns, fields, index_text}
    UPDATED = "item.updated"  # {changes: {field: [old, new]}, reason}; text and turns count as fields
    SUPERSEDED = "item.superseded"  # {by, reason}
    MERGED = "item.merged"  # {into, reason}; subject was merged into another item
    DELETED = "item.deleted"  # {reason}
    LINKED = "item.linked"  # {to, label, weight}
    UNLINKED = "item.unlinked"  # {to, label}
    EVICTED = "item.evicted"  # {reason}
    RESTORED = "item.restored"  # {reason}
    ACCESSED = "item.accessed"  # {query}
    # What a lane does besides.
    MODEL_CALLED = "model.called"  # {purpose, prompt, raw, tokens: [prompt, generated], stop, error}
    # and {note} when an answer was mended on its way: what was done, and the text as it came
    DROPPED = "operation.dropped"  # {reason, detail}: something the strategy wanted to store was lost
    NOTED = "strategy.noted"  # {name, value}: a figure or state worth showing (surprise curve, router weights)
    RECALLED = "recall.finished"  # {query, k, hits: [{item, rank, score, returned, parts, turns, text}]}
    PACKED = "context.packed"  # {budget, tokens, spans: [{kind, label, text, items, turns, tokens: [from, to]}],
    # dropped} and, of a later question of a conversation, {earlier: [{probe, answer}]}
    ANSWERED = "answer.finished"  # {text, tokens: [[text, logprob]], prompt_tokens, stop, error}; subject is the probe
    # and, when no model answered but a rule: {reader, items}; from a server, which only counts: {generated}
    COMPRESSED = "cache.compressed"  # what a cache policy did: {policy, way, badge, when, read, budget, share, entries,
    # generated, agreement, bytes: {logical, modelled, full}, kl, compared, full_text, facts,
    # size, shared, blobs: {kept, survival, worth, cells, merged, texts}} (workbench.llm.base.Compression); of the probe
    # and, where one cache serves several questions, {requests, request}: in which mode, and the how manieth this is
    SUMMED = "attention.summed"  # an answer's attention in little (workbench.llm.base.Summary): {layers, heads, prompt,
    # starts, spans, kept, blobs: {mean, peak, mass, rows, ids, texts}}; subject is the probe
    CAPTURED = "attention.captured"  # {blob, layers, heads, tokens, bins}; subject is the probe
    SCORED = "probe.scored"  # {correct, score, extracted, scorer, competency, scores, k, recall, rank}; closes a probe
    JUDGED = "probe.judged"  # {name, judge, value, verdict, reason, prompts, replies}: a model's verdict, given later
    LANE_FAILED = "strategy.failed"  # {message, traceback}: a defect in the strategy; the turn is closed without it
    TURN_CLOSED = "turn.closed"  # {calls, tokens: [prompt, generated], items}; closes a turn. With {recorded} it may
    # come again for a turn of a running agent whose memory goes on with it, and then counts what came since


FIXED = frozenset({"instruction", "question", "earlier"})
"""Kinds of a context's spans that hold no memory: what the reader is told, is asked, and was asked before."""

OPERATIONS = (
    Kind.WRITTEN,
    Kind.UPDATED,
    Kind.SUPERSEDED,
    Kind.MERGED,
    Kind.DELETED,
    Kind.LINKED,
    Kind.UNLINKED,
    Kind.EVICTED,
    Kind.RESTORED,
    Kind.ACCESSED,
)
"""The kinds that change items, in the order of the design."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the trace.

    Attributes:
        seq: place in the file, from 1; 0 while not yet written.
        session, lane: their numbers in the file; lane 0 is the engine itself.
        turn: index of the turn it belongs to (-1 before the first).
        n: ordinal within (session, lane), from 1. The same from run to run with ``--exact``, which ``seq`` is not.
        kind: one of ``Kind``.
        subject: item id, probe id, or empty.
        cause: ``n`` of the event in the same lane that brought it about (a model call, a recall); 0 for none.
        ms: what the thing took of the machine, without the wait for what else was in the batch; not compared between
            runs. Runs of the first version hold the wait, too.
    """

    session: int
    lane: int
    turn: int
    n: int
    kind: str
    subject: str = ""
    cause: int = 0
    payload: Mapping[str, Any] = field(default_factory=dict)
    ms: float = 0.0
    seq: int = 0
