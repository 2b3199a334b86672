"""A followed turn as a text with links: lane by lane what was made of it, and which answers it reached."""

from __future__ import annotations

from ui.theme import theme
from ui.widgets import rich
from ui.widgets.units import count
from workbench.projections.thread import KEPT, PACKED, RETRIEVED, RIGHT, STORED, LaneThread, Thread
from workbench.why.verdict import Step

_MOST = 80
"""Steps that are listed at most; the table has all."""


def thread_html(view: Thread, lane: int) -> str:
    """The selected lane's thread step by step, the others in a line each."""
    said = f"{rich.turn_link(view.turn)} {rich.plain(view.said)}"
    parts = [rich.block(rich.plain("Forward from", "title") + f" &nbsp; {said}")]
    chosen = view.of(lane)
    if chosen is not None:
        parts.append(_heading(chosen.lane.name, _outcome(chosen, view.turn)))
        parts += [_step(step) for step in chosen.story.steps[:_MOST]]
        rest = len(chosen.story.steps) + chosen.story.more - _MOST
        if rest > 0:
            parts.append(rich.block(rich.plain(f"and {rest:,} more", "faint"), indent=_indent()))
    others = [one for one in view.lanes if one is not chosen]
    if others:
        parts.append(_heading("In the other lanes"))
    for one in others:
        told = f"{rich.plain(one.lane.name, 'title')} &nbsp; {rich.plain(_outcome(one, view.turn), 'quiet')}"
        parts.append(rich.block(told, indent=_indent(), above=2))
    return "".join(parts)


def _outcome(one: LaneThread, turn: int) -> str:
    """What became of it in one line."""
    kept = "nothing was stored of it"
    if one.story.stored or one.story.alive:
        held = count(len(one.story.alive) - len(one.story.overwritten), "item")
        kept = f"{'overwritten' if one.story.alive else 'lost'} at turn {one.end}" if one.lost else f"{held} alive"
    elif one.story.items:
        kept = f"read at turn {one.end}, and nothing was stored of it"
    changed = one.count(KEPT, True)
    parts = [kept, f"changed {count(changed, 'time')}" if changed else ""]
    for stage, words in ((RETRIEVED, "retrieved for {}"), (PACKED, "in the context of {}")):
        found = one.count(stage, True)
        parts.append(words.format(count(found, "question")) if found else "")
    right, asked = one.count(RIGHT, True), one.count(RIGHT)
    parts.append(f"{right} of {asked} answered right" if asked else "it reached no question")
    return "; ".join(p for p in parts if p)


def _step(step: Step) -> str:
    sign = rich.plain("✓" if step.held else "✗", "" if step.held else "bad")
    linked = step.stage in (STORED, KEPT, RETRIEVED) and step.item
    name = rich.item_link(step.item, "title") if linked else rich.plain(step.item, "quiet")
    text = rich.plain(step.text, "" if step.held else "quiet")
    where = rich.turn_link(step.turn)
    line = f'{sign} <span class="name">{step.stage}</span> {where} {name} &nbsp; {text}'
    return rich.block(line, indent=_indent(), above=2)


def _heading(text: str, note: str = "") -> str:
    more = f" &nbsp; {rich.plain(note, 'quiet')}" if note else ""
    return rich.block(rich.plain(text, "title") + more, above=theme.active().unit(3))


def _indent() -> int:
    return theme.active().unit(2)
