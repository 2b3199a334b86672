"""Every cause in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.probes.unknown import abstains
from workbench.trace.events import Kind
from workbench.why.case import Case
from workbench.why.funnel import Funnel, Trail, living
from workbench.why.history import Version
from workbench.why.verdict import (
    CUT,
    EVICTED,
    LOST,
    MISREAD,
    NEVER_STORED,
    NOT_ATTENDED,
    NOT_RETRIEVED,
    SCORER,
    Loss,
    Ranking,
    Use,
)

SHOWN = 5
"""Rivals, turns and items that a verdict names at most."""
_LENGTH = 300  # characters of a text
_DID = {
    Kind.UPDATED: "was rewritten",
    Kind.SUPERSEDED: "was superseded",
    Kind.MERGED: "was merged into another",
    Kind.DELETED: "was deleted",
    Kind.EVICTED: "was evicted",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the piece that was lost first: its trail, what the reader did with it, what lost or beat it; and
    how many pieces are needed, with the spans of the context that carry them."""

    trail: Trail | None
    used: Use
    loss: Loss | None
    ranking: Ranking | None
    needed: int = 1
    shown: tuple[str, ...] = ()


def line(text: str) -> str:
    """A text on one line, not too long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= _LENGTH else plain[: _LENGTH - 1] + "…"


def sentence(asked: Case, way: Funnel, facts: Facts, cause: str) -> str:
    """Why the answer is as it is, when this is the cause."""
    if asked.right:
        return _right(asked, facts.trail)
    if asked.error and not asked.answer and cause != SCORER:
        return f"The answer failed: {asked.error}"
    if asked.probe.abstain:
        return f"Nobody has said it, and the reader answered all the same: {line(asked.answer) or 'nothing'}"
    if cause == SCORER:
        gold = line(" or ".join(asked.probe.gold[:3]))
        return f"The answer says it in other words than the scorer takes: {line(asked.answer)} for {gold}"
    if facts.trail is None:
        return (
            "No turn was found that says it" if way.searched else "The session does not say what a right answer needs"
        )
    said = _CLAUSES[cause](asked, facts.trail, facts) if cause in _CLAUSES else "No cause was found"
    more = _others(way, cause) + (f"; the answer is incomplete: {asked.error}" if asked.error else "")
    said = f"{said.rstrip('.')}{more}" if more else said
    return f"As far as a search finds, {said[:1].lower()}{said[1:]}" if way.searched else said


def _others(way: Funnel, cause: str) -> str:
    """That further pieces of the evidence were lost at the same stage."""
    more = len(way.broken()) - 1
    stage, was, were = _LIKEWISE.get(cause, ("", "", ""))
    if more < 1 or way.broke != stage:
        return ""
    one = "the other one" if len(way.trails) == 2 else "another one"
    return f"; {were.format(f'{more} others')}" if more > 1 else f"; {was.format(one)}"


_LIKEWISE = {
    NEVER_STORED: ("stored", "nothing says {} either", "nothing says {} either"),
    LOST: ("kept", "{} was lost, too", "{} were lost, too"),
    NOT_RETRIEVED: ("retrieved", "{} was not retrieved either", "{} were not retrieved either"),
    CUT: ("packed", "{} was cut, too", "{} were cut, too"),
}


def _right(asked: Case, trail: Trail | None) -> str:
    if trail is None:
        return "Right, and no turn is known that says it"
    if trail.packed:
        return f"Right, and {_where(asked, trail)} in the context says it"
    return "Right, though the context does not say it"


def _never(asked: Case, trail: Trail, facts: Facts) -> str:
    turn = _turns(trail.piece.turns)
    if trail.broke == "said":
        return f"Nobody had said it by then: {turn} comes later"
    if trail.stored:
        return f"What was made of {turn} does not tell it to this reader; the turn itself does"
    wrote, loss = made_of(asked, trail), facts.loss
    if not wrote and loss is not None and loss.purpose:
        read = ", which the model read" if len(trail.piece.turns) == 1 else "; the model read the last one"
        return f"Nothing was stored from {turn}{read} at turn {loss.turn} ({loss.purpose})"
    if not wrote:
        return f"Nothing was stored from {turn}"
    near = min(reversed(wrote), key=lambda v: len(v.turns))  # what comes from it alone before a summary of many
    return f"Nothing that was stored from {turn} says it; {near.item} says: {line(near.text)}"


def made_of(asked: Case, trail: Trail) -> list[Version]:
    """What was stored from the turns of a piece, whatever it says; what had only waited to be read in is none of it."""
    return [v for v in asked.ever() if set(v.turns) & {*trail.piece.turns} and not asked.waited(v)]


def _lost(asked: Case, trail: Trail, facts: Facts) -> str:
    loss = facts.loss
    if loss is None:
        return f"An item said {_it(trail, facts)} and is there no more"
    new = ""
    if loss.new and loss.kind == Kind.UPDATED:
        since = _since(asked, loss)
        new = f" to say: {line(loss.new).rstrip('.') if since else line(loss.new)}{since}"
    elif loss.new:
        new = f"; what took its place says: {line(loss.new)}"
    did = _DID.get(Kind(loss.kind), "was lost")
    return f"{loss.item} said {_it(trail, facts)} until turn {loss.turn}, when it {did}{new}"


def _since(asked: Case, loss: Loss) -> str:
    """What became of an item that was rewritten, when it was asked for later."""
    now = next((v for v in asked.alive() if v.item == loss.item), None)
    if now is None:
        return "; by the question it is there no more"
    return "" if line(now.text) == line(loss.new) else f"; by the question it says: {line(now.text)}"


def _not_retrieved(asked: Case, trail: Trail, facts: Facts) -> str:
    ranking = facts.ranking
    if ranking is None or ranking.own is None:
        item = living(trail) if trail.best or trail.kept else "The item"
        return f"{item} says {_it(trail, facts)} and was not among the candidates"
    own, last = ranking.own, ranking.ahead[-1] if ranking.ahead else None
    beaten = f"; {last.item}, the last one returned, scored {_against(last.score, own.score)}" if last else ""
    came = f"came {_nth(own.rank)} where {ranking.k or len(ranking.ahead)} are returned"
    return f"{own.item} says {_it(trail, facts)} and {came}{beaten}"


def _against(one: float, other: float) -> str:
    """Two scores, with so many digits that one sees that they differ."""
    for digits in (3, 6):
        first, second = f"{one:.{digits}f}", f"{other:.{digits}f}"
        if first != second:
            return f"{first} against {second}"
    return f"the same ({one:.3f})"


def _cut(asked: Case, trail: Trail, facts: Facts) -> str:
    span = next(iter(trail.cut), None)
    label = span.label if span is not None else "The item"
    if span is None or span not in asked.dropped:
        return f"{label} reached the context without the part that says {_it(trail, facts)}"
    packed = asked.events.get(Kind.PACKED)
    budget = packed.payload.get("budget", 0) if packed else 0
    says = f"{label}, which says {_it(trail, facts)}," if facts.needed > 1 else label
    return f"{says} was retrieved and did not fit into the {budget:,} tokens of the context"


def _not_attended(asked: Case, trail: Trail, facts: Facts) -> str:
    kept = facts.used.kept
    if kept is not None and kept < EVICTED and not facts.used.rival:
        looked = (
            "" if facts.used.attention is None else f" ({_percent(facts.used.attention)} of its attention on memory)"
        )
        threw = f"the cache policy kept {_percent(kept)} of it before the reader answered"
        return f"{_shown(asked, trail, facts)}, and {threw}{looked}"
    followed = f"followed {facts.used.rival}" if facts.used.rival else "did not take it from there"
    return f"{_shown(asked, trail, facts)}, and the reader {followed}{_looked(facts.used)}"


def _misread(asked: Case, trail: Trail, facts: Facts) -> str:
    said = _shown(asked, trail, facts)
    made = "made something else of it" if asked.answer else "answered nothing"
    made = "answered that it does not know" if abstains(asked.answer) else made
    return f"{said}, and the reader {made}{_looked(facts.used)}"


_CLAUSES: Mapping[str, Callable[[Case, Trail, Facts], str]] = {
    NEVER_STORED: _never,
    LOST: _lost,
    NOT_RETRIEVED: _not_retrieved,
    CUT: _cut,
    NOT_ATTENDED: _not_attended,
    MISREAD: _misread,
}


def _it(trail: Trail, facts: Facts) -> str:
    if facts.needed > 1:  # whether all of them are needed no session says
        return f"one of the {facts.needed} pieces of evidence"
    return "it" if trail.sure else "some of it"


def _where(asked: Case, trail: Trail) -> str:
    return asked.spans[trail.packed[0]].label if trail.packed else "A span"


def _shown(asked: Case, trail: Trail, facts: Facts) -> str:
    """Who says it in the context."""
    if facts.needed == 1:
        return f"{_where(asked, trail)} says {_it(trail, facts)} in the context"
    if len(facts.shown) < facts.needed:
        return f"{_where(asked, trail)} in the context says {_it(trail, facts)}"
    names = tuple(dict.fromkeys(facts.shown))
    some = ", ".join(names[:SHOWN]) + (" …" if len(names) > SHOWN else "")
    return f"{some} in the context {'says' if len(names) == 1 else 'say'} all of the evidence"


def _looked(used: Use) -> str:
    kept = f", of which the cache kept {_percent(used.kept)}" if used.kept is not None else ""
    if used.attention is None:
        return kept
    return f"{kept} ({_percent(used.attention)} of its attention on memory)"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _turns(turns: Sequence[int]) -> str:
    shown = ", ".join(map(str, turns[:SHOWN])) + (" …" if len(turns) > SHOWN else "")
    return f"turn {shown}" if len(turns) == 1 else f"turns {shown}"


def _nth(n: int) -> str:
    last = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{last}"
