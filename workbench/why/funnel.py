"""The funnel: said -> stored -> kept -> retrieved -> packed -> used -> right, and where a fact fell out of it.

What a probe needs are *pieces*: one, when some of the evidence turns alone would do, else one for each of them. Each
piece is followed on its own; the probe broke where the first of them was lost. Whether a text carries a piece is asked
of a judge: by text alone (:class:`ByText`), or, when a reader is at hand, by the reader (``workbench.why.says``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from workbench.probes.said import says
from workbench.projections.hits import ContextSpan
from workbench.why.case import Case
from workbench.why.history import Version
from workbench.why.texts import Rarity, names, tokens

Stage = Literal["said", "stored", "kept", "retrieved", "packed", "used", "right"]
STAGES: tuple[Stage, ...] = ("said", "stored", "kept", "retrieved", "packed", "used", "right")
SOME = 0.2
"""Share of a turn, rare words counting more, that a text from it must repeat to be taken to say the same …"""
OWN = 0.3
"""… of what only that turn says, where the text comes from several …"""
ELSEWHERE = 0.8
"""… and a text that comes from other turns."""
ASKED, NEARER = 0.25, 0.75
"""Share of a question that a turn must repeat to be taken to answer it where other evidence does not; and of what the
best of the others repeats."""
MOST_TURNS = 12
"""Evidence turns that are asked about one by one."""
SEARCHED = 4
"""Turns that are taken for evidence at most when the session names none."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that must be known to answer: each of ``turns`` says it. ``whole``: it answers the question alone."""

    turns: tuple[int, ...]
    whole: bool = True


class Judge(Protocol):
    """Says whether a text carries a piece."""

    def __call__(self, piece: Piece, text: str, turns: Sequence[int]) -> bool:
        """``turns`` are those that the text claims to come from."""
        ...

    def sure(self, piece: Piece, text: str) -> bool:
        """Whether a text that carries a piece says all of it, as far as one can see."""
        ...


@dataclass(frozen=True, slots=True)
class ByText:
    """The judge without a model.

    Where the turn names the gold, the text must name it, too; and it must come from that turn or repeat most of it.
    Elsewhere a text from the turn may be short, if what it says only that turn says, of all that the text comes from.
    """

    case: Case
    rarity: Rarity

    def __call__(self, piece: Piece, text: str, turns: Sequence[int]) -> bool:
        """See :class:`Judge`."""
        return any(self._says(piece, turn, text, turns) for turn in piece.turns)

    def _says(self, piece: Piece, turn: int, text: str, turns: Sequence[int]) -> bool:
        named = self.case.names
        if piece.whole and named(self.case.said(turn)):
            return named(text) and (turn in turns or self.alike(turn, text))
        if turn not in turns:
            return self.alike(turn, text)
        return self._share(turn, text) >= SOME and self._own(turn, text, turns)

    def _own(self, turn: int, text: str, turns: Sequence[int]) -> bool:
        """Whether a text says some of what, of all the turns it comes from, only this one says, rare words counting
        more."""
        others = {t for other in turns[:MOST_TURNS] if other != turn for t in tokens(self.case.said(other))}
        own = " ".join(t for t in tokens(self.case.said(turn)) if t not in others)
        return not others or not own or self.rarity.share(text, own) >= OWN

    def sure(self, piece: Piece, text: str) -> bool:
        """See :class:`Judge`: it says the gold and does not deny it there, or repeats most of a turn."""
        gold = self.case.probe.gold
        told = piece.whole and any(says(text, g, (*gold, self.case.probe.question)) for g in gold)
        told = told or (piece.whole and self.case.names(text) and not names(text, gold))  # a day in another form
        return told or any(self.alike(turn, text) for turn in piece.turns)

    def answers(self, turns: Sequence[int]) -> tuple[int, ...]:
        """Those of several evidence turns that look as if each alone answered the question: they name the gold, and
        repeat so much of what is asked that they are no mere last link of a chain."""
        probe, heard = self.case.probe, self.case.said
        near = {t: self.rarity.share(heard(t), probe.question) for t in turns}
        named = [t for t in turns if self.case.names(heard(t))]
        most = max((near[t] for t in turns if t not in named), default=0.0)
        return tuple(t for t in named if near[t] >= max(ASKED, NEARER * most))

    def alike(self, turn: int, text: str) -> bool:
        """Whether a text from elsewhere repeats most of a turn."""
        return self._share(turn, text) >= ELSEWHERE

    def _share(self, turn: int, text: str) -> float:
        return self.rarity.share(text, self.case.said(turn))

    def nearness(self, piece: Piece, text: str) -> float:
        """How promising it is to ask the reader about a text."""
        share = max((self.rarity.share(text, self.case.said(t)) for t in piece.turns), default=0.0)
        return share + self.case.names(text)


@dataclass(frozen=True, slots=True)
class Trail:
    """The way of one piece.

    Attributes:
        stored: every version of an item that carried it by then, but what had only waited to be read in; ``kept`` those
            of them that were there.
        best: the first candidate whose item carries it, returned or not.
        returned: whether it came back: as a hit, or in a span of any kind.
        packed: the spans of the context that carry it.
        cut: spans that hold its item but were dropped, or say it no more.
        broke: the first stage that it did not reach, ``used`` when it reached the context.
        sure: whether what carried it last says all of it; else some of it is all that can be claimed.
    """

    piece: Piece
    stored: tuple[Version, ...]
    kept: tuple[Version, ...]
    best: dict[str, Any] | None
    returned: bool
    packed: tuple[int, ...]
    cut: tuple[ContextSpan, ...]
    broke: Stage
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Funnel:
    """Where a probe's evidence went. ``searched``: the session names no evidence, so that it was looked for."""

    trails: tuple[Trail, ...]
    searched: bool

    @property
    def broke(self) -> Stage:
        """The first stage that any piece did not reach; ``said`` when there is no piece."""
        return min((t.broke for t in self.trails), key=STAGES.index, default="said")

    @property
    def turns(self) -> tuple[int, ...]:
        """The evidence turns."""
        return tuple(sorted({turn for t in self.trails for turn in t.piece.turns}))

    def broken(self) -> tuple[Trail, ...]:
        """The trails that end at :attr:`broke`."""
        return tuple(t for t in self.trails if t.broke == self.broke)

    @property
    def packed(self) -> tuple[int, ...]:
        """Indexes of the context's spans that carry a piece."""
        return tuple(sorted({n for t in self.trails for n in t.packed}))


def evidence(case: Case, rarity: Rarity) -> tuple[tuple[int, ...], bool]:
    """The turns that hold the answer, and whether they had to be searched: those that name the gold, nearest first."""
    probe = case.probe
    if probe.evidence or not probe.gold:
        return probe.evidence, False
    told = [t for t in case.session.turns[: probe.after + 1] if case.names(t.said)]
    told.sort(key=lambda t: -rarity.share(t.said, probe.question))
    return tuple(sorted(t.index for t in told[:SEARCHED])), True


def pieces(turns: Sequence[int], suffices: Callable[[int], bool], enough: Sequence[int] = ()) -> tuple[Piece, ...]:
    """What must be known: one piece when each of the turns alone would do, or when some of them do (``enough``); else
    one for each turn."""
    asked = turns if len(turns) <= MOST_TURNS else turns[:: max(1, len(turns) // 3)]
    if len(turns) <= 1 or all(suffices(t) for t in asked):
        return (Piece(tuple(turns)),) if turns else ()
    if enough:
        return (Piece(tuple(enough)),)
    return tuple(Piece((t,), whole=False) for t in turns)


def funnel(case: Case, wanted: Sequence[Piece], searched: bool, judge: Judge) -> Funnel:
    """Follow every piece through a lane."""
    return Funnel(tuple(_trail(case, piece, judge) for piece in wanted), searched)


def relevant(case: Case, piece: Piece, text: str, turns: Sequence[int]) -> bool:
    """Whether a text is worth judging: it comes from the piece's turns, or names the gold."""
    return not set(piece.turns).isdisjoint(turns) or case.names(text)


def _trail(case: Case, piece: Piece, judge: Judge) -> Trail:
    def carries(text: str, turns: Sequence[int]) -> bool:
        return relevant(case, piece, text, turns) and judge(piece, text, turns)

    stored = tuple(v for v in case.ever() if carries(v.text, v.turns) and not case.waited(v))
    kept = tuple(v for v in stored if v.alive(case.before))
    items = {v.item for v in kept}
    best = next((dict(h) for h in case.hits if h["item"] in items), None)
    packed = tuple(n for n, s in enumerate(case.spans) if carries(s.text, s.turns))
    cut = [s for s in case.dropped if items & {*s.items} or carries(s.text, s.turns)]
    shortened = [s for n, s in enumerate(case.spans) if n not in packed and items & {*s.items}]
    returned = bool(packed or cut or shortened) or bool(best and best["returned"])
    broke = _broke(case, piece, stored, kept, returned, packed)
    last = [case.spans[n].text for n in packed] or [v.text for v in kept or stored]
    sure = any(judge.sure(piece, text) for text in last)
    return Trail(piece, stored, kept, best, returned, packed, (*cut, *shortened), broke, sure)


def _broke(
    case: Case,
    piece: Piece,
    stored: Sequence[Version],
    kept: Sequence[Version],
    returned: bool,
    packed: Sequence[int],
) -> Stage:
    if packed:  # whatever the items say: the reader had it before its eyes
        return "used"
    if not piece.turns or min(piece.turns) > case.probe.after:
        return "said"
    if not stored:
        return "stored"
    if not kept:
        return "kept"
    return "packed" if returned else "retrieved"


def last_said(trail: Trail) -> Version:
    """The version that said it last; one that comes from the evidence turns before one that does not."""
    return max(_own(trail, trail.stored), key=lambda v: v.ended.seq if v.ended else 0)


def living(trail: Trail) -> str:
    """The item that says it and was there when the question came: the one that ranked best, else the newest; one that
    comes from the evidence turns before one that does not."""
    return str(trail.best["item"]) if trail.best else _own(trail, trail.kept)[-1].item


def _own(trail: Trail, found: Sequence[Version]) -> Sequence[Version]:
    return [v for v in found if not set(trail.piece.turns).isdisjoint(v.turns)] or found
