"""The story of one item as a text: what it is, where it came from, all that happened to it and why."""

from __future__ import annotations

from ui.theme import theme
from ui.widgets import rich, units
from workbench.projections.diff import readable
from workbench.projections.items import Cause, ItemDetail, Step
from workbench.trace.events import Kind


def story_html(detail: ItemDetail, turn: int, opened: set[str]) -> str:
    """The story of an item: what it is, where it came from, every operation with its cause."""
    item = detail.item
    kind = f"{item.kind}, {item.status}" if item else f"not yet written at turn {turn}"
    successor = f" → {rich.item_link(item.successor)}" if item and item.successor else ""
    parts = [rich.block(f"{rich.plain(detail.id, 'title')} {rich.plain(kind, 'quiet')}{successor}")]
    if item:
        parts.append(rich.block(rich.plain(item.text), above=2))
        for name, value in item.fields.items():
            if readable(value):
                parts.append(rich.block(f'<span class="name">{rich.plain(name)}</span> {rich.plain(readable(value))}'))
        if detail.stale_index:
            parts.append(
                rich.block('<span class="bad">The index still holds the text from before the last change</span>')
            )
    if detail.remarks:
        parts.append(_heading("Remarks"))
        parts += [rich.block(f"{rich.plain(r.text)} {rich.plain(r.author, 'faint')}") for r in detail.remarks]
    if detail.sources:
        parts.append(_heading("From"))
        parts += [rich.block(f"{rich.turn_link(t.index)} {rich.plain(t.said, 'quiet')}") for t in detail.sources]
    if detail.links:
        parts.append(_heading(units.count(len(detail.links), "link")))
        parts.append(rich.block(", ".join(_link(*link) for link in detail.links)))
    parts.append(_heading("History"))
    for step in detail.steps:
        parts += _step(step, opened)
    return "".join(parts)


def _heading(text: str) -> str:
    return rich.block(f'<span class="faint">{rich.plain(text)}</span>', above=10)


def _link(other: str, label: str, way: str) -> str:
    arrow = "→" if way == "to" else "←"
    return f'<span class="faint">{arrow}</span> {rich.item_link(other, "")}' + (
        f" {rich.plain(label, 'faint')}" if label else ""
    )


def _step(step: Step, opened: set[str]) -> list[str]:
    verb = rich.VERBS.get(Kind(step.kind), step.kind)
    other = rich.item_link(step.other, "") if step.other else ""
    if step.role == "other":
        said = {"linked": f"linked from {other}", "unlinked": f"unlinked from {other}"}.get(
            verb, f"{other} {verb} for it"
        )
    else:
        joint = {"superseded": "by", "merged": "into", "linked": "to", "unlinked": "from"}.get(verb, "")
        said = f"{verb} {joint} {other}".strip()
    head = f"{rich.mark(step.kind)} {rich.turn_link(step.turn)} {said}"
    head += f" {rich.plain(step.label, 'faint')}" if step.label else ""
    head += f" {rich.plain(step.reason, 'quiet')}" if step.reason else ""
    head += ' <span class="faint">after the cursor</span>' if step.future else ""
    parts = [rich.block(head, above=4)]
    indent = theme.active().unit(5)
    for change in step.changes:
        value = rich.plain(change.new, "quiet") if step.kind == Kind.WRITTEN else rich.pieces(change.pieces)
        parts.append(rich.block(f'<span class="name">{rich.plain(change.name)}</span> {value}', indent=indent))
    if step.cause:
        parts += _cause(step, step.cause, opened, indent)
    return parts


def _cause(step: Step, cause: Cause, opened: set[str], indent: int) -> list[str]:
    name = f"{step.n}"
    said = (
        f"by model call “{cause.purpose}”" if cause.kind == Kind.MODEL_CALLED else f"while recalling, event {cause.n}"
    )
    spent = f"{cause.tokens[0]:,} + {cause.tokens[1]:,} tok, " if cause.tokens[0] else ""
    facts = spent + units.ms(cause.ms)
    way = "hide prompt and output" if name in opened else "show prompt and output"
    head = f'<span class="faint">{rich.plain(said)} · {facts}</span> {rich.toggle(name, way)}'
    parts = [rich.block(head, indent=indent)]
    if cause.error:
        parts.append(rich.block(rich.plain(cause.error, "bad"), indent=indent))
    if name in opened:
        for role, text in cause.prompt:
            parts += [rich.block(rich.plain(role, "faint"), indent=indent), rich.sunk(text)]
        if cause.raw:
            parts += [rich.block('<span class="faint">raw output</span>', indent=indent), rich.sunk(cause.raw)]
    return parts
