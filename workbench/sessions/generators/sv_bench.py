"""SVBench (arXiv 2502.10810): chains of questions that go on from each other, asked while the stream goes on.

Every segment of the stream has a chain of five questions, each about the answer before ("What does that person
carry?"), and chains are linked: what is asked of a segment leads back to the one before. ``mode=dialogue`` asks whole
chains with the right answers before in the conversation; ``mode=streaming`` leaves a chain after a step or more and
goes on with the linked question of the next segment.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_PLACES = ("at the gate", "by the fountain", "under the arcade", "at the tram stop", "on the bridge", "by the kiosk")
_LAID = ("on a bench", "against a wall", "into a basket", "onto a cart", "beside a lamp", "below a sign")
_ADVANCE = 0.8
"""Share of the steps of a streaming path that go on to the next segment."""

RELATIONS = ("Quantity", "People", "Objects", "Environment", "Events")


@dataclass(frozen=True, slots=True)
class _Segment:
    people: str
    place: str
    colour: str
    thing: str
    laid: str
    animal: str

    @property
    def lines(self) -> list[str]:
        """What is seen, line by line."""
        return [
            f"There are {self.people} people {self.place}.",
            f"One of them, in a {self.colour} coat, carries a {self.thing}.",
            f"The one in the {self.colour} coat puts it {self.laid}.",
            f"Then a {self.animal} comes up, and all of them turn round.",
        ]

    def chain(self) -> list[tuple[str, str, list[int]]]:
        """Question, answer and which lines tell it; each follows from the answer before."""
        return [
            (f"How many people are {self.place} now?", self.people, [0]),
            ("And the one of them who carries something: which colour is that coat?", self.colour, [0, 1]),
            ("What does that person carry?", self.thing, [1]),
            ("Where does that person put it?", self.laid, [1, 2]),
            ("Which animal comes up after that?", self.animal, [2, 3]),
        ]


def _linked(relation: str, before: _Segment) -> tuple[str, str, list[int]]:
    """A question that leads back to the segment before."""
    return {
        "Quantity": ("How many people had been there in the segment before?", before.people, [0]),
        "People": ("Which colour had the coat in the segment before?", before.colour, [1]),
        "Objects": ("What had been carried in the segment before?", before.thing, [1]),
        "Environment": ("Where had the people been in the segment before?", before.place, [0]),
        "Events": ("Which animal had come up in the segment before?", before.animal, [3]),
    }[relation]


def _make(job: Job) -> None:
    w = job.writer()
    before: tuple[_Segment, int] | None = None
    number = 0
    while True:
        segment = _drawn(w)
        number += 1
        asked = _path(w, job["mode"], segment, before)
        talk = [text for question, gold, *_ in asked for text in (question, gold)]
        title = f"Segment {number}."
        if not w.fits(title, *segment.lines, *talk) and number > 2:
            break
        w.say(title)
        first = len(w.turns)
        for line in segment.lines:
            w.say(line)
        starts = {"now": first, "before": before[1] if before else first}
        for step, (question, gold, where, lines, relation) in enumerate(asked, 1):
            extra = {"chain": number, "step": step, "mode": job["mode"], "relation": relation, "of": where}
            told = [starts[where] + n for n in lines]
            w.ask(question, [gold], "accurate_retrieval", told, w.last, id=f"c{number}-{step}", extra=extra)
            w.say(question)
            w.say(gold, "assistant")
        before = segment, first


def _drawn(w: Writer) -> _Segment:
    pick = w.r.choice
    return _Segment(pick(pools.NUMBERS[2:]), pick(_PLACES), pick(pools.COLOURS), pick(pools.OBJECTS), pick(_LAID),
                    pick(pools.ANIMALS))  # fmt: skip


_Asked = tuple[str, str, str, list[int], str]


def _path(w: Writer, mode: str, segment: _Segment, before: tuple[_Segment, int] | None) -> list[_Asked]:
    """The chain's questions, then (or, while streaming, at first) one that is linked with the segment before."""
    chain = [(q, a, "now", lines, r) for (q, a, lines), r in zip(segment.chain(), RELATIONS, strict=True)]
    linked: list[_Asked] = []
    if before:
        relation = w.r.choice(RELATIONS)
        question, answer, lines = _linked(relation, before[0])
        linked = [(question, answer, "before", lines, relation)]
    if mode == "dialogue":
        return [*chain, *linked]
    steps = 1
    while steps < len(chain) and w.r.random() > _ADVANCE:
        steps += 1
    return [*linked, *chain[:steps]]


GENERATOR = Generator(
    "sv-bench",
    "SVBench",
    "SVBench, arXiv 2502.10810",
    "adapted",
    "a stream told in lines in place of video; answers are words that a rule compares, which a model judges there",
    "A stream in segments; after each a chain of questions that go on from each other, and one that leads back.",
    {"mode": ("dialogue", "streaming")},
    _make,
)
