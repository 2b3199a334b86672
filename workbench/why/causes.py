"""The seven causes, read from the trace alone: where the funnel broke, by which operation, and what beat the gold item.

Without a model this says what is *suspected*; ``workbench.why.counterfactuals`` proves it or takes the next cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.memory.items import MemoryState
from workbench.probes.ours import match
from workbench.probes.text import number
from workbench.probes.unknown import abstains
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.why import use as attention
from workbench.why.case import Case, calls_of_step, case, rarity, reads
from workbench.why.funnel import ByText, Funnel, Trail, evidence, funnel, last_said, living, pieces
from workbench.why.history import Version
from workbench.why.sentences import SHOWN, Facts, line, made_of, sentence
from workbench.why.texts import without_days
from workbench.why.verdict import (
    CUT,
    EVICTED,
    LOST,
    MISREAD,
    NEVER_STORED,
    NOT_ATTENDED,
    NOT_RETRIEVED,
    SCORER,
    UNEXPLAINED,
    Loss,
    Ranking,
    Rival,
    Step,
    Use,
    Verdict,
)

BY_STAGE = {"said": NEVER_STORED, "stored": NEVER_STORED, "kept": LOST, "retrieved": NOT_RETRIEVED, "packed": CUT}
_CALLS = 400  # model calls that are looked through for the one that read a turn


def suspect(reader: TraceReader, session: int, lane: int, probe: str) -> Verdict:
    """What the trace alone says about a probe: milliseconds, no model, nothing proved."""
    asked = case(reader, session, lane, probe)
    judge = ByText(asked, rarity(TraceIndex.of(reader), session))
    turns, searched = evidence(asked, judge.rarity)
    wanted = pieces(turns, lambda t: asked.names(asked.said(t)), judge.answers(turns))
    way = funnel(asked, wanted, searched, judge)
    used = attention.seen(reader, asked, way.packed)
    return verdict(reader, asked, way, used, suspected(asked, way, used))


_UNSAVED: dict[tuple[str, int, int, str], Verdict] = {}


def remember(reader_path: str, verdict: Verdict) -> None:
    """Hold a verdict that its run file could not keep (a file that cannot be written) as long as the program runs."""
    _UNSAVED[reader_path, verdict.session, verdict.lane, verdict.probe] = verdict


def known(reader: TraceReader, session: int, lane: int, probe: str) -> Verdict:
    """The stored verdict, proved once; without one, or with one that cannot be read, what the trace alone says."""
    unsaved = _UNSAVED.get((str(reader.path), session, lane, probe))
    if unsaved is not None:
        return unsaved
    stored = reader.verdicts(session, lane, probe).get(probe)
    if stored is not None:
        try:
            return Verdict.from_row(stored)
        except (TypeError, KeyError, ValueError, IndexError, AttributeError, AssertionError):
            pass  # written by another program or by hand
    memo = TraceIndex.of(reader).memo
    key = ("suspect", session, lane, probe)
    if key not in memo:
        memo[key] = suspect(reader, session, lane, probe)  # an answer never changes
    found: Verdict = memo[key]
    return found


def suspected(asked: Case, way: Funnel, used: Use) -> str:
    """The cause that the funnel names; empty for a right answer."""
    if asked.right:
        return ""
    if asked.probe.abstain or not asked.probe.gold:
        return MISREAD if asked.answer else UNEXPLAINED
    if in_other_words(asked):
        return SCORER
    if not way.trails:
        return UNEXPLAINED
    return BY_STAGE.get(way.broke) or read(used)


def in_other_words(asked: Case) -> bool:
    """Whether the answer names the gold after all, by the plainest of the scorers. The last word of one that was cut
    off may be the beginning of another; and where it is counted, days and times of day count nothing."""
    said = asked.answer
    if asked.error and said:
        said = said.rstrip().rpartition(" " if " " in said else "\n")[0] or said[:-1]
    if not match(asked.probe, said).correct or abstains(said):
        return False
    counted = all(number(g) is not None for g in asked.probe.gold) and asked.probe.scorer == "number"
    return not counted or match(asked.probe, without_days(said, asked.languages())).correct


def read(used: Use) -> str:
    """Whether what lay in the context was not attended or misread."""
    if used.matters is not None:
        return MISREAD if used.matters else NOT_ATTENDED
    if used.kept is not None and used.kept < EVICTED:
        return NOT_ATTENDED
    if used.attention is None or not used.length:
        return MISREAD
    return NOT_ATTENDED if used.attention < used.length / 2 else MISREAD


def verdict(reader: TraceReader, asked: Case, way: Funnel, used: Use, cause: str) -> Verdict:
    """The whole story for a cause."""
    known = facts(reader, asked, way, used, cause)
    return Verdict(
        session=asked.number,
        lane=asked.lane.id,
        probe=asked.probe.id,
        name=asked.lane.name,
        question=asked.probe.question,
        gold=asked.probe.gold,
        answer=asked.answer,
        cause=cause,
        causes=(cause,) if cause and cause != UNEXPLAINED else (),
        suspected=cause,
        confirmed=None,
        broke="" if asked.right else "right" if cause == SCORER else way.broke if way.trails else "said",
        sentence=sentence(asked, way, known, cause),
        turns=way.turns,
        searched=way.searched,
        thread=tuple(_thread(asked, way, known.trail, known.loss, used)),
        ranking=known.ranking,
        loss=known.loss,
        use=used,
    )


def facts(reader: TraceReader, asked: Case, way: Funnel, used: Use, cause: str) -> Facts:
    """What is known of the piece that was lost first; of one that was in the context when reading is the matter."""
    seen = [t for t in way.trails if t.packed] if cause in (NOT_ATTENDED, MISREAD) else []
    trail = next(iter([*seen, *way.broken()]), None)
    shown = tuple(asked.spans[t.packed[0]].label for t in way.trails if t.packed)
    return Facts(trail, used, _loss(reader, asked, trail, cause), _ranking(asked, trail), len(way.trails), shown)


def clause(reader: TraceReader, asked: Case, way: Funnel, used: Use, cause: str) -> str:
    """A cause in one sentence."""
    return sentence(asked, way, facts(reader, asked, way, used, cause), cause)


# The operation that lost it -------------------------------------------------------------------------------------------


def _loss(reader: TraceReader, asked: Case, trail: Trail | None, cause: str) -> Loss | None:
    if trail is None or asked.right:
        return None
    if trail.broke == "kept":
        last = last_said(trail)
        return _operation(reader, asked, last, last.ended) if last.ended is not None else None
    if trail.broke == "stored" and cause != SCORER:
        return _extraction(reader, asked, trail)
    return None


def _operation(reader: TraceReader, asked: Case, version: Version, event: Event) -> Loss:
    call = _call(reader, asked, event.cause)
    return Loss(
        event.seq,
        str(event.kind),
        event.turn,
        version.item,
        version.text,
        _after(asked, event),
        str(event.payload.get("reason", "")),
        **call,
    )


def _after(asked: Case, event: Event) -> str:
    """What stands in the place of what an operation took: the new text, or its successor's; empty for nothing."""
    if event.kind == Kind.UPDATED:
        return str(event.payload["changes"].get("text", ("", ""))[1])
    heir = event.payload.get("by") or event.payload.get("into") or ""
    return next((v.text for v in reversed(asked.versions) if v.item == heir and v.began.seq <= asked.before), "")


def _call(reader: TraceReader, asked: Case, n: int) -> dict[str, Any]:
    if not n:
        return {}
    key = (asked.number, asked.lane.id, n)
    rows = reader.query("SELECT seq FROM event WHERE session = ? AND lane = ? AND n = ?", key)
    event = reader.event(rows[0][0]) if rows else None
    return _asked_model(event) if event is not None and event.kind == Kind.MODEL_CALLED else {}


def _asked_model(event: Event) -> dict[str, Any]:
    data = event.payload
    prompt = tuple((m["role"], m["text"]) for m in data.get("prompt", ()))
    return {"purpose": data.get("purpose", ""), "prompt": prompt, "raw": data.get("raw", "")}


def _extraction(reader: TraceReader, asked: Case, trail: Trail) -> Loss | None:
    """The model call that read the turn and did not write it down; the first whose prompt holds what was said."""
    turn = trail.piece.turns[-1]
    said = " ".join(asked.session.turns[turn].text.split())
    calls = calls_of_step(reader, asked.number, asked.lane.id, (turn, asked.probe.after), asked.before)
    for event, _ in zip(calls, range(_CALLS), strict=False):
        if reads(event, said):
            wrote = "; ".join(v.text for v in asked.ever() if v.began.cause == event.n)
            error = str(event.payload.get("error", ""))
            return Loss(event.seq, str(event.kind), event.turn, "", said, wrote, error, **_asked_model(event))
    return None


# What beat it ---------------------------------------------------------------------------------------------------------


def _ranking(asked: Case, trail: Trail | None) -> Ranking | None:
    if not asked.hits:
        return None
    own = _rival(trail.best) if trail is not None and trail.best else None
    ahead = [h for h in asked.hits if h["returned"] and (own is None or h["rank"] < own.rank)]
    return Ranking(asked.k, own, tuple(_rival(h) for h in [*ahead[: SHOWN - 1], *ahead[SHOWN - 1 :][-1:]]))


def _rival(hit: Mapping[str, Any]) -> Rival:
    parts = {str(k): float(v) for k, v in hit.get("parts", {}).items()}
    return Rival(hit["item"], int(hit["rank"]), float(hit["score"]), parts, line(hit["text"]))


# The thread -----------------------------------------------------------------------------------------------------------


def _thread(asked: Case, way: Funnel, trail: Trail | None, loss: Loss | None, used: Use) -> Iterator[Step]:
    turns = asked.session.turns
    for turn in way.turns[:SHOWN]:
        heard = turn <= asked.probe.after
        yield Step("said", turn, 0, turns[turn].speaker or turns[turn].role, line(turns[turn].text), heard)
    if trail is not None:
        yield from _memory(asked, trail, loss)
        yield from _read_path(asked, trail)
    answered = asked.events.get(Kind.ANSWERED)
    if answered is not None and trail is not None and way.broke == "used":
        held = asked.right or in_other_words(asked)
        yield Step("used", answered.turn, answered.seq, asked.spans[trail.packed[0]].label, _use(used), held)
    if answered is not None:
        text = line(asked.answer or asked.error)
        yield Step("right", answered.turn, answered.seq, asked.probe.id, text, asked.right)


def _use(used: Use) -> str:
    """What the reader did with what says it, in a few words; empty when nothing is known."""
    looked = f"{used.attention:.0%} of its attention on memory" if used.attention is not None else ""
    does = {True: "without it the answer is another", False: "without it the answer is much the same"}
    return "; ".join(filter(None, (looked, does.get(used.matters) if used.matters is not None else "")))


def _memory(asked: Case, trail: Trail, loss: Loss | None) -> Iterator[Step]:
    for version in trail.stored[:SHOWN]:
        yield Step("stored", version.began.turn, version.began.seq, version.item, line(version.text))
    if not trail.stored:
        for version in made_of(asked, trail)[:SHOWN]:
            yield Step("stored", version.began.turn, version.began.seq, version.item, line(version.text), False)
        if loss is not None:
            text = line(loss.raw or loss.reason)
            yield Step("stored", loss.turn, loss.seq, loss.purpose, text, False)
    elif loss is not None:
        text = f"{line(loss.old)} → {line(loss.new)}" if loss.new else line(loss.old)
        yield Step("kept", loss.turn, loss.seq, loss.item, text, False)


def _read_path(asked: Case, trail: Trail) -> Iterator[Step]:
    recalled, packed = asked.events.get(Kind.RECALLED), asked.events.get(Kind.PACKED)
    if recalled is not None and (trail.kept or trail.returned):
        item = living(trail) if trail.best or trail.kept else ""
        where = f"rank {trail.best['rank']}" if trail.best else "in the context" if trail.packed else "no candidate"
        yield Step("retrieved", recalled.turn, recalled.seq, item, where, trail.returned)
    if packed is not None and trail.returned:
        for span in [asked.spans[n] for n in trail.packed[:1]] or trail.cut[:1]:
            yield Step("packed", packed.turn, packed.seq, span.label, line(span.text), bool(trail.packed))


def state_before(reader: TraceReader, asked: Case) -> MemoryState:
    """The lane's items and links as the question met them. Shared: read only."""
    return TraceIndex.of(reader).state(asked.number, asked.lane.id, asked.probe.after, asked.before)
