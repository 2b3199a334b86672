"""Does a text say what is asked for? By its words first, then by the reader itself: that text alone, is it enough?

String match alone never decides where a reader can: "Tom lives in Oslo" names the gold answer and does not say where
Mira lives; "the Norwegian capital" says it and does not name it. The reader is asked only where its answer tells
something: it must find the answer in the evidence turns, and must not find it without them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from workbench.memory.base import Span
from workbench.memory.lines import one_line
from workbench.memory.pieces import sentences
from workbench.why.asking import Scene
from workbench.why.funnel import ByText, Piece, pieces, relevant
from workbench.why.texts import names

MOST = 16
"""Texts that the reader is asked about at most, for each piece; the words of the others decide."""

Text = tuple[str, tuple[int, ...]]
"""A text and the turns that it claims to come from."""


class ByReader:
    """The judge that asks. Call :meth:`learn` and :meth:`consider` first; what was not considered, its words decide.

    Attributes:
        judged: how many texts the reader was asked about; ``skipped`` those that exceeded ``MOST``.
    """

    def __init__(self, scene: Scene, by_text: ByText) -> None:
        self._scene, self.by_text = scene, by_text
        self._known: dict[tuple[Piece, str], bool] = {}
        self._telling: dict[Piece, bool] = {}
        self._turns: tuple[int, ...] = ()
        self._wanted: tuple[Piece, ...] = ()
        self.judged = self.skipped = 0

    async def learn(self, turns: Sequence[int]) -> tuple[Piece, ...]:
        """What must be known: whether one of the evidence turns is enough, by the reader where it tells something."""
        self._turns = tuple(turns)
        nothing, whole = await asyncio.gather(self._right(()), self._right(self._scene.turns(turns)))
        alone = dict(
            zip(turns, await asyncio.gather(*(self._right(self._scene.turns([t])) for t in turns)), strict=True)
        )
        asked = any(alone.values()) and not nothing
        heard, named = self._scene.case.said, self._scene.case.names
        # The reader alone may be lucky: who is the only one in the context is soon the one who did most.
        enough = [t for t in self.by_text.answers(turns) if alone[t] or not asked]
        wanted = pieces(turns, (lambda t: alone[t]) if asked else lambda t: named(heard(t)), enough)
        self._wanted = wanted
        missing = await asyncio.gather(*(self._right(self._without(piece)) for piece in wanted))
        for piece, still in zip(wanted, missing, strict=True):
            self._telling[piece] = whole and not still
        return wanted

    async def consider(self, wanted: Sequence[Piece], texts: Iterable[Text]) -> None:
        """Have the reader judge the most promising of the texts."""
        known = list(dict.fromkeys((one_line(text), turns) for text, turns in texts))
        await asyncio.gather(*(self._consider(piece, known) for piece in wanted if self._telling.get(piece)))

    def telling(self, wanted: Sequence[Piece]) -> bool:
        """Whether the reader could be asked about all of these."""
        return all(self._telling.get(piece) for piece in wanted)

    def __call__(self, piece: Piece, text: str, turns: Sequence[int]) -> bool:
        """See :class:`workbench.why.funnel.Judge`."""
        plain = one_line(text)
        if self._verbatim(piece, plain):
            return True
        found = self._known.get((piece, plain))
        if found is None:
            return self.by_text(piece, text, turns)
        if not piece.whole:
            return self._part(piece, text, turns, found)
        return found and self._near(piece, text, turns)

    def sure(self, piece: Piece, text: str) -> bool:
        """See :class:`workbench.why.funnel.Judge`."""
        plain = one_line(text)
        known = self._known.get((piece, plain), False)
        return known or self._verbatim(piece, plain) or self.by_text.sure(piece, text)

    def _part(self, piece: Piece, text: str, turns: Sequence[int], found: bool) -> bool:
        """Whether a text carries one of several facts. A reader that fails at the question for all of them says little
        about one; and one that succeeds may have taken another fact for it: what says that one by its words is none."""
        if self.by_text(piece, text, turns):
            return True
        others = (other for other in self._wanted if other is not piece)
        return found and self._near(piece, text, turns) and not any(self.by_text(o, text, turns) for o in others)

    def _near(self, piece: Piece, text: str, turns: Sequence[int]) -> bool:
        """Whether a text comes from the piece's turns, or repeats most of one: the like of another matter does not."""
        own = not set(piece.turns).isdisjoint(turns)
        return own or any(self.by_text.alike(t, text) for t in piece.turns)

    async def _consider(self, piece: Piece, texts: Sequence[Text]) -> None:
        case = self._scene.case
        fresh = [
            text
            for text, turns in texts
            if (piece, text) not in self._known
            and relevant(case, piece, text, turns)
            and self._near(piece, text, turns)
            and not self._verbatim(piece, text)
        ]
        fresh = sorted(dict.fromkeys(fresh), key=lambda text: -self.by_text.nearness(piece, text))
        room = max(0, MOST - sum(known is piece for known, _ in self._known))
        self.judged += len(fresh[:room])
        self.skipped += len(fresh[room:])
        answers = await asyncio.gather(*(self._says(piece, text) for text in fresh[:room]))
        self._known |= {(piece, text): said for text, said in zip(fresh[:room], answers, strict=True)}

    async def _says(self, piece: Piece, text: str) -> bool:
        if await self._right(self._instead(piece, text)):
            return True
        gold = self._scene.case.probe.gold
        parts = sentences(text)
        if not names(text, gold) or len(parts) < 2:
            return False
        # It may say it among so much else that the reader loses it: the sentence that names it, with the one before.
        at = [n for n, part in enumerate(parts) if names(part, gold)][:2]
        tries = [" ".join(parts[max(0, n - back) : n + 1]) for n in at for back in (0, 1)]
        return any(await asyncio.gather(*(self._right(self._instead(piece, part)) for part in dict.fromkeys(tries))))

    def _instead(self, piece: Piece, text: str) -> tuple[Span, ...]:
        """The evidence with this text in the place of the piece; of a whole piece the text alone."""
        heard = self._scene.case.session.turns
        at = max(piece.turns)
        span = Span(text, (), piece.turns, when=heard[at].when)
        rest = self._without(piece)
        place = sum(min(s.turns) < at for s in rest)
        return (*rest[:place], span, *rest[place:])

    def _without(self, piece: Piece) -> tuple[Span, ...]:
        return () if piece.whole else self._scene.turns([t for t in self._turns if t not in piece.turns])

    def _verbatim(self, piece: Piece, plain: str) -> bool:
        return any(one_line(self._scene.case.said(t)) in plain for t in piece.turns)

    async def _right(self, spans: Sequence[Span]) -> bool:
        return self._scene.right((await self._scene.judged(spans)).text)
