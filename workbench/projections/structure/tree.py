"""Items as an outline: what is part of what, and what depends on what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workbench.memory.items import Item
from workbench.projections.structure.cards import changes_of
from workbench.projections.structure.moment import Moment

_UP = frozenset({"part of", "subtask of", "page of", "at"})  # from the part to its whole
_DOWN = frozenset({"PARENT", "sub-task", "executed as"})  # from the whole to its part
_ACROSS = frozenset({"depends on"})
LABELS = _UP | _DOWN | _ACROSS
"""Labels of links that make a tree."""


@dataclass(frozen=True, slots=True)
class Node:
    """A row of the outline.

    Attributes:
        depth: 0 for a root.
        last: for every level from 1 to ``depth``, whether the node there is the last of its siblings.
        state: the method's own word for how far it is (``open``, ``complete`` ...), else empty.
        ghost: it has left the memory (pruned, evicted) and only shows where it was.
        mark: what this turn did to it, the kind of the operation that matters most.
    """

    item: Item
    depth: int
    last: tuple[bool, ...]
    state: str
    ghost: bool
    mark: str


@dataclass(frozen=True, slots=True)
class Arc:
    """A dependency between two rows, drawn beside the outline; ``label`` names it."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Tree:
    """Rows from top to bottom, parents before their parts, oldest first."""

    nodes: tuple[Node, ...]
    arcs: tuple[Arc, ...]


def tree(moment: Moment) -> Tree:
    """The outline at the cursor; items that lie in no tree are left out unless there is nothing else."""
    items = moment.state.items
    parent, across = _parents(moment), _across(moment)
    below: dict[str, list[str]] = {}
    for child, above in parent.items():
        below.setdefault(above, []).append(child)
    inside = set(parent) | set(below) | {end for pair in across for end in pair[:2]}
    inside |= {i.id for i in items.values() if "files" in i.fields or "children" in i.fields or "status" in i.fields}
    ends = {b for _, b, _ in across} - {a for a, _, _ in across} - set(below)
    roots = [name for name in items if name in inside and name not in parent]
    roots.sort(key=lambda name: name not in ends)  # files before the steps that wrote them
    marks, nodes = changes_of(moment.events), list[Node]()
    stack = [(name, (), 0) for name in reversed(roots)]
    seen: set[str] = set()
    while stack:
        name, last, depth = stack.pop()
        if name in seen:
            continue  # a cycle of links: each item is shown once
        seen.add(name)
        item = items[name]
        nodes.append(Node(item, depth, last, _state(item), not item.active, marks.get(name, "")))
        under = sorted(below.get(name, ()), key=lambda n: items[n].created)
        stack += [(n, (*last, n == under[-1]), depth + 1) for n in reversed(under)]  # type: ignore[misc]
    rows = {node.item.id: number for number, node in enumerate(nodes)}
    arcs = (Arc(rows[a], rows[b], label) for a, b, label in across if a in rows and b in rows and a != b)
    return Tree(tuple(nodes), tuple(arcs))


def _parents(moment: Moment) -> dict[str, str]:
    """The one whole of each part; the last link counts."""
    found: dict[str, str] = {}
    items = moment.state.items
    for link in moment.state.links.values():
        if link.label in _UP and link.target in items:
            found[link.source] = link.target
        elif link.label in _DOWN and link.target in items:
            found[link.target] = link.source
    for item in items.values():
        above = item.fields.get("parent")
        if above and above in items and item.id not in found:
            found[item.id] = above
    return {child: above for child, above in found.items() if not _loops(child, found)}


def _loops(child: str, parent: dict[str, str]) -> bool:
    seen, at = {child}, parent[child]
    while at in parent:
        if at in seen:
            return True
        seen.add(at)
        at = parent[at]
    return False


def _across(moment: Moment) -> list[tuple[str, str, str]]:
    """Dependencies, and the files that a step touched."""
    links: Iterable[tuple[str, str, str]] = (
        (k.source, k.target, k.label) for k in moment.state.links.values() if k.label in _ACROSS
    )
    found = dict.fromkeys(links)
    files = (i for i in moment.state.items.values() if i.kind == "file")
    named = {str(i.fields.get("name", i.id)): i.id for i in files}
    for item in moment.state.items.values():
        for name in item.fields.get("files", ()):
            if name in named:
                found[(item.id, named[name], "wrote")] = None
            elif name in moment.state.items:
                found[(item.id, name, "wrote")] = None
    return list(found)


def _state(item: Item) -> str:
    return str(item.fields.get("status") or item.fields.get("intent") or "")
