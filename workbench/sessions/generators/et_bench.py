"""E.T. Bench (arXiv 2409.18111): when did an event happen, from which second to which? Its tasks of grounding.

``tvg`` finds an event by its description, ``epm`` by a question about what was done, ``tal`` all instances of an
action, ``vhd`` a moment of the highlight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workbench.sessions import tasks
from workbench.sessions.generators import pools, prose
from workbench.sessions.generators.base import Generator, Job, Writer

_STEPS = ("begins to {does}", "goes on to {does}", "still has to {does}", "has almost finished trying to {does}")
_DOES = ("carve a {thing} out of soap", "paint a {colour} {thing}", "take a {colour} {thing} apart",
         "teach a {animal} to jump over a {thing}", "wrap a {thing} for the {animal} keeper",
         "search the attic for a {colour} {thing}")  # fmt: skip
_CARRIES = ("{name} lifts the {thing} to carry it {where}.", "{name} walks on with the {thing}, bound {where}.",
            "{name} arrives {where} with the {thing}.", "{name} sets the {thing} down {where}.")  # fmt: skip
_WHERES = (
    "to the cellar",
    "to the balcony",
    "behind the stage",
    "to the ferry",
    "to the upper floor",
    "to the stables",
)
_SEEN = ("Far off {what} comes into view.", "Now {what} is close to the fence.",
         "Still {what} stays where all can look.", "Slowly {what} goes away.")  # fmt: skip
_INSTANCES = 3
_AT_ONCE = 2  # things that come again
_A_LINE = 5  # half seconds between two lines at most


@dataclass
class _Stream:
    """What goes on, told with the time; in half seconds."""

    w: Writer
    now: int = 1
    lines: list[tuple[int, str]] = field(default_factory=list)
    seen: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """By what comes again the times at which it was seen."""
    coming: list[str] = field(default_factory=list)

    def add(self, texts: list[str]) -> tuple[int, int]:
        """Lines one after another; from which time to which."""
        times = []
        for text in texts:
            self.now += self.w.r.randrange(1, _A_LINE + 1)
            self.lines.append((self.now, text))
            times.append(self.now)
        return times[0], times[-1]


def line_of(at: int, text: str) -> str:
    """A line of the stream: ``At 12.5 s: …``."""
    return f"At {at / 2:.1f} s: {text}"


@dataclass(frozen=True, slots=True)
class _Event:
    task: str
    question: str
    spans: tuple[tuple[int, int], ...]


def _make(job: Job) -> None:
    w = job.writer()
    stream = _Stream(w)
    names = iter(pools.people(w.r, 300 + job.tokens // 10))
    events: list[_Event] = []
    told_until, number = 0, 0
    while True:
        before = len(stream.lines)
        stream.add([prose.sentence(w.r) for _ in range(w.r.randrange(2, 5))])
        event = _KINDS[number % len(_KINDS)](stream, next(names))
        number += 1
        texts = [line_of(*line) for line in stream.lines[before:]]
        if not w.fits(*texts) and number > len(_KINDS):
            break
        for text in texts:
            w.say(text)
        events += [event] if event else []
        told_until = stream.lines[-1][0]
    turns = {at: turn for turn, (at, _) in enumerate(stream.lines) if at <= told_until}
    for what, every in stream.seen.items():
        spans = [span for span in every if span[1] <= told_until]
        if not spans:
            continue
        question = (
            f"Name every time at which {what} can be seen, from its first line to its last, as start - end seconds."
        )
        events.append(_Event("tal", question, tuple(spans)))
    _ask(w, events, turns, job["probes"])


def _ask(w: Writer, events: list[_Event], turns: dict[int, int], probes: int) -> None:
    by_task = {task: [e for e in events if e.task == task] for task in ("tvg", "epm", "tal", "vhd")}
    for own in by_task.values():
        w.r.shuffle(own)
    order = [own.pop() for _ in range(probes) for own in by_task.values() if own][:probes]
    for event in order:
        evidence = [turn for at, turn in turns.items() if any(start <= at <= end for start, end in event.spans)]
        spans = [[start / 2, end / 2] for start, end in event.spans]
        gold = ", ".join(f"{start} - {end}" for start, end in spans)
        fields = tasks.GENERATED["et-bench"].fields | {"extra": {"task": event.task, "spans": spans}}
        if event.task in ("tvg", "epm"):
            fields["scores"] = (*fields["scores"], "etbench-iou")
        w.ask(event.question, [gold], "accurate_retrieval", evidence, **fields)


def _grounded(stream: _Stream, name: str) -> _Event:
    """Temporal video grounding: an event by its description."""
    r = stream.w.r
    does = r.choice(_DOES).format(
        thing=r.choice(pools.OBJECTS), colour=r.choice(pools.COLOURS), animal=r.choice(pools.ANIMALS)
    )
    does = pools.with_articles(does)
    span = stream.add([f"{name} {_STEPS[min(n, 3)].format(does=does)}." for n in range(r.randrange(2, 6))])
    question = f'Find the event that is described by "{does}" and done by {name}.'
    return _Event("tvg", f"{question} Answer: The event happens in start - end seconds.", (span,))


def _remembered(stream: _Stream, name: str) -> _Event:
    """Episodic memory: when something was done."""
    thing, where = stream.w.r.choice(pools.OBJECTS), stream.w.r.choice(_WHERES)
    span = stream.add([line.format(name=name, thing=thing, where=where) for line in _CARRIES])
    question = f"When did {name} carry the {thing} {where}? Answer: The event happens in start - end seconds."
    return _Event("epm", question, (span,))


def _instance(stream: _Stream, name: str) -> None:
    """Temporal action localisation: one more instance of something that comes again; asked for at the end."""
    r = stream.w.r
    if len(stream.coming) < _AT_ONCE:
        free = [f"the {colour} {animal} of {name}" for colour in pools.COLOURS for animal in pools.ANIMALS]
        stream.coming.append(r.choice(free))
    what = r.choice(stream.coming)
    spans = stream.seen.setdefault(what, [])
    spans.append(stream.add([line.format(what=what) for line in _SEEN[: r.randrange(2, 5)]]))
    if len(spans) == _INSTANCES:
        stream.coming.remove(what)


def _highlight(stream: _Stream, name: str) -> _Event:
    """Highlight detection: a moment at which it is loudest."""
    r = stream.w.r
    levels = [1, 2, 3, *[5] * r.randrange(1, 4), 2]
    first = len(stream.lines)
    stream.add([f"The crowd cheers for {name}, level {level} of 5." for level in levels])
    loud = [at for (at, _), level in zip(stream.lines[first:], levels, strict=True) if level == 5]
    question = f"At which second does the crowd cheer loudest for {name}? Answer with one number."
    return _Event("vhd", question, ((loud[0], loud[-1]),))


_KINDS: tuple[Callable[[_Stream, str], _Event | None], ...] = (_grounded, _remembered, _instance, _highlight)

GENERATOR = Generator(
    "et-bench",
    "E.T. Bench",
    "E.T. Bench, arXiv 2409.18111",
    "adapted",
    "a stream told in lines with their seconds in place of video; four of its five grounding tasks, of twelve in all",
    "A stream told by the second; from when to when did an event last, and when again?",
    {"probes": 24},
    _make,
)
