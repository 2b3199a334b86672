"""Proof: change one thing, ask again, and see whether the answer flips.

The fixes are tried along the funnel. The first stage that broke is mended; if the answer is still wrong, the funnel is
looked at again with that mended, and the next break is mended, too. What flips the answer is then made as small as it
can be: a cause is named only if the answer does not flip without its fix. So two causes are named when each alone does
not flip the answer and both do, and a first suspicion that has nothing to do with it is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.answering import Answered
from workbench.memory.base import Recall, Span
from workbench.memory.items import MemoryState
from workbench.probes.unknown import abstains
from workbench.projections.hits import ContextSpan
from workbench.trace.events import Event
from workbench.trace.reader import TraceReader
from workbench.why import fixes as mend
from workbench.why import use as attention
from workbench.why.asking import Scene
from workbench.why.case import Case
from workbench.why.causes import clause, in_other_words, read, suspected, verdict
from workbench.why.fixes import CAUSE, Fix
from workbench.why.funnel import ByText, Funnel, Piece, evidence, funnel
from workbench.why.history import Version
from workbench.why.knockout import use
from workbench.why.says import ByReader, Text
from workbench.why.sentences import line
from workbench.why.verdict import CAUSES, EVICTED, MISREAD, NOT_ATTENDED, SCORER, UNEXPLAINED, Proof, Try, Use, Verdict

ORDER: tuple[Fix, ...] = ("put", "restore", "force", "keep", "whole", "last", "clear", "alone")
_READING: dict[str, tuple[Fix, ...]] = {NOT_ATTENDED: ("last", "clear", "alone"), MISREAD: ("alone", "last", "clear")}
COVERED = 0.8
"""Share of what a gold repeats of its evidence that an answer says which says it in other words."""
NOTHING = "nothing changed"
_MISLED = 5
"""Spans that are taken away one by one at most when a question has no answer in the session."""


@dataclass(frozen=True, slots=True)
class World:
    """A probe asked with something changed: what was done, in words; the case as it then was; the answer."""

    fixes: tuple[Fix, ...]
    what: str
    case: Case
    way: Funnel
    spans: tuple[Span, ...]
    answered: Answered
    right: bool
    rival: str = ""

    @property
    def tried(self) -> Try:
        """As it stands in a proof."""
        return Try(self.fixes, self.what, self.answered.text, self.right)


class Prover:
    """Proves the cause of one answer.

    Args:
        judge: says by words whether a text carries a piece; the reader is asked on top of it.
    """

    def __init__(self, reader: TraceReader, scene: Scene, judge: ByText) -> None:
        self._reader, self.scene, self._asked = reader, scene, scene.case
        self.judge = ByReader(scene, judge)
        self._wanted: tuple[Piece, ...] = ()
        self._searched = False
        self._worlds: dict[tuple[Fix, ...], asyncio.Task[World]] = {}
        self._tries: list[Try] = []

    async def prove(self) -> Verdict:
        """The verdict with its proof."""
        await self._learn()
        await self.judge.consider(self._wanted, self._texts(self._asked))
        way = self._funnel(self._asked)
        base = await self.play(())
        used = attention.seen(self._reader, self._asked, way.packed)
        if way.broke == "used" and not self._asked.right and not base.right and way.packed:
            used = await self._use(base, used)
        first = verdict(self._reader, self._asked, way, used, suspected(self._asked, way, used))
        if self._asked.right:
            return first
        flip, causes = await self._flip(base, first, used)
        return await self._told(first, base, flip, causes)

    async def again(self) -> Answered:
        """The probe asked once more, with nothing changed."""
        return (await self.play(())).answered

    async def _learn(self) -> None:
        if not self._wanted:
            turns, self._searched = evidence(self._asked, self.judge.by_text.rarity)
            self._wanted = await self.judge.learn(turns) if turns else ()

    async def _flip(self, base: World, first: Verdict, used: Use) -> tuple[World | None, tuple[str, ...]]:
        if base.right:
            return None, ()
        if await self._same(first):
            return None, (SCORER,)
        if not self._asked.probe.gold or self._asked.probe.abstain:
            return await self._misled(base), (MISREAD,)
        found = await self._along(base, used)
        found = await self._smallest(found) if found is not None else await self._otherwise()
        named = {CAUSE[fix] for fix in found.fixes} if found is not None else set()
        return found, tuple(c for c in CAUSES if c in named)

    async def _along(self, base: World, used: Use) -> World | None:
        """Mend what is broken, stage after stage, until the answer flips."""
        world = base
        while (fix := mend_of(world.way)) is not None and fix not in world.fixes:
            world = await self._try((*world.fixes, fix))
            if world.right:
                return world
        if world.way.broke != "used" or not world.way.packed:
            return None
        used = used if world is base else await self._use(world, Use())
        evicted = self.scene.spec.policy() is not None and (used.kept is None or used.kept < EVICTED)
        first: tuple[Fix, ...] = ("whole",) if evicted else ()
        for fix in (*first, *_READING[read(used)]):
            tried = await self._try((*world.fixes, fix))
            if tried.right:
                return tried
        return None

    async def _smallest(self, world: World) -> World:
        """Leave out every fix without which the answer flips as well."""
        for fix in world.fixes:
            rest = tuple(f for f in world.fixes if f != fix)
            if rest and (smaller := await self._try(rest)).right:
                return await self._smallest(smaller)
        return world

    async def _otherwise(self) -> World | None:
        """What flips the answer although the funnel does not say so: the turn itself in the place of what was made of
        it, where a reader cannot get it from there."""
        if not self._wanted:
            return None
        heard = self._heard()
        if self.judge.telling(self._wanted) or not self.scene.right((await self.scene.judged(heard)).text):
            return None
        world = await self._try(("put",))
        return world if world.right else None

    async def _misled(self, base: World) -> World | None:
        """What made the reader answer a question that has no answer: one span, or the memory as a whole."""
        shares = attention.attention(self._reader, self._asked) or [0.0] * len(base.spans)
        naming = mend.distractors(base.spans, set(), base.answered.text, None)
        order = sorted(range(len(base.spans)), key=lambda n: (n not in naming, -shares[n] if n < len(shares) else 0.0))
        trials = [{n} for n in order[:_MISLED]] + ([naming] if len(naming) > 1 else []) + [set(range(len(base.spans)))]
        for out in trials if base.spans else []:
            rest, what = mend.clear(base.spans, out)
            world = await self._asked_with(("alone",), what, self._asked, rest)
            self._tries += [] if world.tried in self._tries else [world.tried]
            if world.right:
                return world
        return None

    # Worlds -----------------------------------------------------------------------------------------------------------

    async def _try(self, fixes: tuple[Fix, ...]) -> World:
        world = await self.play(fixes)
        # Where there is nothing to mend, or nothing more, nothing is tried.
        if world.what not in (NOTHING, *(t.what for t in self._tries)):
            self._tries.append(world.tried)
        return world

    async def play(self, fixes: Iterable[Fix]) -> World:
        """Ask with these fixes; with none just as the lane did."""
        key = tuple(fix for fix in ORDER if fix in fixes)
        if key not in self._worlds:
            self._worlds[key] = asyncio.ensure_future(self._play(key))
        return await self._worlds[key]

    async def _play(self, fixes: tuple[Fix, ...]) -> World:
        case, changes, what = self._changed(fixes)
        recall, state = await self.scene.recall(changes)
        case = _recalled(case, recall, state)
        spans = list(recall.spans)
        await self.judge.consider(self._wanted, [(s.text, s.turns) for s in spans])
        if "force" in fixes:
            recall, more = mend.force(recall, self._funnel(case), state)
            case, spans, what = _recalled(case, recall, state), list(recall.spans), [*what, *more]
        if "keep" in fixes:
            spans, more = mend.keep(spans, self._funnel(case), state, self.judge)
            what += more
        what += mend.WHOLE if "whole" in fixes else ()
        worlds: list[World] = []
        for arranged, more in self._arrangements(fixes, spans):
            if [s.text for s in arranged] == [s.text for s in spans]:
                more = ()  # it stands alone, or last, as it is
            worlds.append(await self._asked_with(fixes, (*what, *more), case, arranged))
            if worlds[-1].right:
                break
        world = worlds[-1] if worlds[-1].right else worlds[0]
        if "clear" not in fixes:
            return world
        return replace(world, rival=mend.labels([s for s in spans if s not in world.spans]))

    def _changed(self, fixes: tuple[Fix, ...]) -> tuple[Case, tuple[Event, ...], list[str]]:
        case, way = self._asked, self._funnel(self._asked)
        events: tuple[Event, ...] = ()
        what: list[str] = []
        for fix, change in (("put", mend.put), ("restore", mend.restore)):
            if fix in fixes:
                done = change(case, way, self.scene.state, self.judge)
                case = replace(case, versions=_followed(case, done.versions))
                events, what = (*events, *done.events), [*what, *done.what]
                way = self._funnel(case)
        return case, events, what

    def _arrangements(
        self, fixes: tuple[Fix, ...], spans: Sequence[Span]
    ) -> Iterator[tuple[Sequence[Span], tuple[str, ...]]]:
        """The spans as a fix has them; where several say the same, first with the one that says the least beside it,
        then with all of them."""
        gold = {n for n, s in enumerate(spans) if any(self.judge(p, s.text, s.turns) for p in self._wanted)}
        if "clear" in fixes and not (gold and "alone" in fixes):
            shares = attention.attention(self._reader, self._asked)
            yield mend.clear(spans, mend.distractors(spans, gold, self._asked.answer, shares))
        elif gold and not {"alone", "last"}.isdisjoint(fixes):
            change = mend.alone if "alone" in fixes else mend.last
            few = self._tightest(spans, gold)
            yield change(spans, few)
            if few != gold:
                yield change(spans, gold)
        else:
            yield spans, ()

    def _tightest(self, spans: Sequence[Span], gold: Iterable[int]) -> set[int]:
        """One span for every piece that any of them carries: the surest, from the fewest turns, the shortest."""
        judge, chosen = self.judge, set()
        for piece in self._wanted:
            carry = [n for n in sorted(gold) if judge(piece, spans[n].text, spans[n].turns)]
            order = [(not judge.sure(piece, spans[n].text), len(spans[n].turns), len(spans[n].text), n) for n in carry]
            chosen |= {n for *_, n in sorted(order)[:1]}
        return chosen

    async def _asked_with(
        self, fixes: tuple[Fix, ...], what: Sequence[str], case: Case, spans: Sequence[Span]
    ) -> World:
        answered = await self.scene.answer(spans, whole="whole" in fixes)
        packed = answered.packed
        case = replace(case, spans=_shown(packed.spans), dropped=_shown(packed.dropped))
        words = "; ".join(what) or NOTHING
        return World(fixes, words, case, self._funnel(case), tuple(spans), answered, self.scene.right(answered.text))

    def _funnel(self, case: Case) -> Funnel:
        return funnel(case, self._wanted, self._searched, self.judge)

    def _texts(self, case: Case) -> list[Text]:
        texts = [(v.text, v.turns) for v in case.ever()]
        return texts + [(s.text, s.turns) for s in (*case.spans, *case.dropped)]

    # Looking closer ---------------------------------------------------------------------------------------------------

    async def _use(self, world: World, used: Use) -> Use:
        tokens = await self.gold_tokens()
        more = await use(self.scene, world.answered, world.way.packed, tokens)
        return replace(more, attention=used.attention, length=used.length, kept=used.kept)

    def _heard(self) -> tuple[Span, ...]:
        """The evidence turns as spans."""
        return self.scene.turns(sorted({t for piece in self._wanted for t in piece.turns}))

    async def gold_tokens(self) -> list[int] | None:
        """The gold answer in the tokens in which this model writes it: from the evidence alone, when that is right."""
        await self._learn()
        heard = self._heard()
        answered = await self.scene.judged(heard)
        if not self.scene.right(answered.text) or answered.result is None:
            return None
        return [t.id for t in answered.result.completion.tokens]

    async def _same(self, first: Verdict) -> bool:
        """Whether the answer says the gold in other words: by the plainest scorer; else by the reader, for which both
        as the only memory must then come to the same. One that was cut off, as one that repeats a word without end, is
        no wording of anything."""
        case = self._asked
        if not case.probe.gold or case.probe.abstain or not case.answer:
            return False
        if in_other_words(case):
            return True
        if case.error:
            return False
        return await self._covers(case.answer) or await self._alike(case.answer)

    async def _covers(self, answer: str) -> bool:
        """Whether the answer says all that a gold repeats of the evidence, and is what the evidence alone gives: what
        the gold says beyond that nobody has said."""
        heard, rarity = self._heard(), self.judge.by_text.rarity
        told = " ".join(s.text for s in heard)
        if abstains(answer) or not any(rarity.covered(g, told, answer) >= COVERED for g in self._asked.probe.gold):
            return False
        return _plain((await self.scene.judged(heard)).text) == _plain(answer)

    async def _alike(self, answer: str) -> bool:
        """Whether the reader, told a gold answer, gives the very answer that was given, and not without being told."""
        probe = self._asked.probe
        told = [Span(f"{probe.question} {text}".strip()) for text in ("", *probe.gold)]
        untold, *golds = [a.text for a in await asyncio.gather(*(self.scene.judged((s,)) for s in told))]
        mine = _plain(answer)
        return bool(mine) and not abstains(answer) and mine != _plain(untold) and mine in map(_plain, golds)

    # What is told -----------------------------------------------------------------------------------------------------

    async def _told(self, first: Verdict, base: World, flip: World | None, causes: tuple[str, ...]) -> Verdict:
        scene = self.scene
        none = await scene.judged(())
        heard = self._heard()
        oracle = await scene.judged(heard) if heard else None
        proof = Proof(
            base.tried,
            Try((), "no memory", none.text, scene.right(none.text)),
            Try((), "the evidence turns alone", oracle.text, scene.right(oracle.text)) if oracle else None,
            tuple(self._tries),
            flip.tried if flip else self._other_words(causes),
            self.judge.judged,
            self.judge.skipped,
        )
        if not proof.flip:
            why = _why_not(proof, first)
            return replace(first, cause=UNEXPLAINED, causes=(), confirmed=False, proof=proof, sentence=why)
        sentence = await self._sentence(first, causes, flip)
        used = replace(first.use, rival=flip.rival if flip is not None else "")
        return replace(first, cause=causes[0], causes=causes, confirmed=True, proof=proof, sentence=sentence, use=used)

    def _other_words(self, causes: tuple[str, ...]) -> Try | None:
        if causes != (SCORER,):
            return None
        return Try(
            (), f"{self._asked.answer} taken for {' or '.join(self._asked.probe.gold[:3])}", self._asked.answer, True
        )

    async def _sentence(self, first: Verdict, causes: tuple[str, ...], flip: World | None) -> str:
        """One sentence for the causes; each as it shows once those before it are mended."""
        rival = flip.rival if flip is not None else ""
        if causes == (first.suspected,) and not rival:
            return first.sentence
        clauses: list[str] = []
        done: tuple[Fix, ...] = ()
        for cause in causes:
            world = await self.play(done)
            used = replace(first.use if not done else Use(), rival=rival)
            clauses.append(clause(self._reader, world.case, world.way, used, cause))
            done = (*done, *(f for f in ORDER if CAUSE[f] == cause and f in ("put", "restore", "force", "keep")))
        parts = [c.rstrip(".") for c in clauses]
        return "; and even so, ".join([parts[0], *(c[:1].lower() + c[1:] for c in parts[1:])])


def mend_of(way: Funnel) -> Fix | None:
    """The fix for the stage at which a probe broke; None from the context on."""
    return mend.BY_STAGE.get(way.broke)


def _followed(case: Case, new: Sequence[Version]) -> tuple[Version, ...]:
    """The versions once these are there: they end the ones that they take the place of."""
    ends = {v.item: v.began for v in new}
    kept = (replace(v, ended=ends[v.item]) if v.item in ends and v.alive(case.before) else v for v in case.versions)
    return (*kept, *new)


def _recalled(case: Case, recall: Recall, state: MemoryState) -> Case:
    hits = tuple(
        {
            "item": h.item,
            "rank": h.rank,
            "score": float(h.score),
            "returned": h.returned,
            "parts": dict(h.parts),
            "turns": list(state[h.item].turns) if h.item in state else [],
            "text": state[h.item].text if h.item in state else "",
        }
        for h in sorted(recall.hits, key=lambda h: h.rank)
    )
    return replace(case, hits=hits, spans=_shown(recall.spans), dropped=())


def _shown(spans: Sequence[Span]) -> tuple[ContextSpan, ...]:
    return tuple(
        ContextSpan(s.kind, s.label or (s.items[0] if s.items else s.kind), s.text, s.items, s.turns, (0, 0))
        for s in spans
    )


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?\"'")


def _why_not(proof: Proof, first: Verdict) -> str:
    if proof.again.right:
        return f"Asked again with nothing changed, the answer is right: {line(proof.again.answer)}"
    if proof.oracle is not None and not proof.oracle.right:
        return f"Even from the evidence turns alone this reader answers: {line(proof.oracle.answer) or 'nothing'}"
    if not first.gold:
        return f"{first.sentence.rstrip('.')}; without any memory it does so, too"
    return f"{first.sentence.rstrip('.')}; but to mend that does not make the answer right"
