"""HiBench (arXiv 2503.00912): a hierarchy told piece by piece, then changed; questions about its structure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from workbench.sessions.generators import hi_forms, pools
from workbench.sessions.generators.base import Generator, Job, Writer

_TOLD = (
    "{child} belongs to {parent}.",
    "{parent} is the unit above {child}.",
    "Directly under {parent} stands {child}.",
)
_A_MOVE = 6  # units for every one that is moved
_FEWEST = 6
_MOVED = "{child} has been moved: it now belongs to {parent}."


def _make(job: Job) -> None:
    _SCENARIOS[job["scenario"]](job)


def _normal(job: Job) -> None:
    """A tree with any number of children, that changes."""
    w = job.writer()
    names = iter(n.capitalize() for n in pools.made_up(w.r, 60 + job.tokens // 3))
    root = next(names)
    w.say(f"{root} is the whole organisation; nothing stands above it.")
    parents, texts, moves = _grown(w, root, names, job["children"])
    told = {}
    order = list(parents)
    w.r.shuffle(order)
    for child in order:
        told[child] = w.say(texts[child])
    moved = {}
    for child, parent in moves:
        parents[child] = parent
        moved[child] = told[child] = w.say(_MOVED.format(child=child, parent=parent))
    kinds: tuple[Callable[[Writer, _Tree], None], ...] = (
        _parent, _ancestor, _depth, _count, _under, _where_now, _common, _leaf, _all_above, _root,
        _all_below,
    )  # fmt: skip
    tree = _Tree(root, parents, told, moved)
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, tree)


class _Tree:
    """Who stands under whom in the end, and where each was told last."""

    def __init__(self, root: str, parents: dict[str, str], told: dict[str, int], moved: dict[str, int]) -> None:
        self.root, self.parents, self.told, self.moved = root, parents, told, moved

    def line(self, unit: str) -> list[str]:
        """The unit and everything above it."""
        found = [unit]
        while found[-1] != self.root:
            found.append(self.parents[found[-1]])
        return found

    def units(self, levels: int = 1) -> list[str]:
        """Units with at least so many levels above them."""
        return [u for u in self.told if len(self.line(u)) > levels]

    def proof(self, line: list[str]) -> list[int]:
        """The turns that tell a line."""
        return [self.told[u] for u in line if u in self.told]


def _grown(
    w: Writer, root: str, names: Iterator[str], children: int
) -> tuple[dict[str, str], dict[str, str], list[tuple[str, str]]]:
    """A random tree that with its moves fills the session: parents and what is told by child, and moves of leaves."""
    parents: dict[str, str] = {}
    texts: dict[str, str] = {}
    below: dict[str, int] = {root: 0}
    free, left = [root], float(w.room)
    while True:
        child = next(names)
        parent = w.r.choice(free)
        text = w.r.choice(_TOLD).format(child=child, parent=parent)
        left -= w.count(text) + w.count(_MOVED.format(child=child, parent=parent)) / _A_MOVE
        if left < 0 and len(parents) >= _FEWEST:
            break
        parents[child], texts[child], below[child] = parent, text, 0
        below[parent] += 1
        free.append(child)
        if below[parent] == children:
            free.remove(parent)
    leaves = [u for u in parents if not below[u]]
    moving = w.r.sample(leaves, max(1, min(len(parents) // _A_MOVE, len(leaves) - 1)))
    homes = [u for u in below if u not in moving]
    return parents, texts, [(u, w.r.choice([h for h in homes if h != parents[u]])) for u in moving]


def _ask(w: Writer, question: str, gold: list[str], tree: _Tree, line: list[str], task: str, **fields: Any) -> None:
    competency = "conflict_resolution" if any(u in tree.moved for u in line) else "long_range_understanding"
    w.ask(question, gold, competency, tree.proof(line), extra={"task": task, "hops": len(line)}, **fields)


def _parent(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units())
    _ask(w, f"Which unit stands directly above {unit}?", [tree.parents[unit]], tree, [unit], "parent")


def _ancestor(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units(2) or tree.units())
    line = tree.line(unit)
    up = min(2, len(line) - 1)
    _ask(w, f"Which unit stands {pools.NUMBERS[up]} level{'s' * (up > 1)} above {unit}?", [line[up]], tree, line[:up],
         "ancestor")  # fmt: skip


def _depth(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units())
    line = tree.line(unit)
    _ask(w, f"How many levels below {tree.root} is {unit}?", [str(len(line) - 1)], tree, line, "depth", scorer="number")


def _count(w: Writer, tree: _Tree) -> None:
    parent = w.r.choice(sorted(set(tree.parents.values())))
    own = [u for u in tree.told if tree.parents[u] == parent]
    _ask(w, f"How many units stand directly under {parent}?", [str(len(own))], tree, own, "children", scorer="number")


def _under(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units())
    line = tree.line(unit)
    inside = w.r.random() < 0.5
    outside = [u for u in tree.told if u not in line]
    other = w.r.choice(line[1:]) if inside or not outside else w.r.choice(outside)
    gold = "yes" if other in line else "no"
    _ask(w, f"Does {unit} stand anywhere under {other}? Answer yes or no.", [gold], tree, line, "under")


def _common(w: Writer, tree: _Tree) -> None:
    one, two = w.r.sample(tree.units(), 2)
    first, second = tree.line(one), tree.line(two)
    lowest = next(u for u in first if u in second)
    turns = [*first[: first.index(lowest) + 1], *second[: second.index(lowest) + 1]]
    question = f"Which is the lowest unit that has both {one} and {two} under it, or is one of them?"
    _ask(w, question, [lowest], tree, turns, "common-ancestor")


def _leaf(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units())
    below = [u for u in tree.told if tree.parents[u] == unit]
    gold = "no" if below else "yes"
    _ask(w, f"Is it true that no unit stands under {unit}? Answer yes or no.", [gold], tree, [unit, *below], "leaf")


def _all_above(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units(2) or tree.units())
    line = tree.line(unit)
    _ask(w, f"Which units stand above {unit}? Name all of them.", line[1:], tree, line, "all-ancestors", scorer="all")


def _all_below(w: Writer, tree: _Tree) -> None:
    parent = w.r.choice(sorted(set(tree.parents.values())))
    own = [u for u in tree.told if tree.parents[u] == parent]
    question = f"Which units stand directly under {parent}? Name all of them."
    _ask(w, question, own, tree, own, "all-children", scorer="all")


def _root(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(tree.units())
    question = f"Which unit stands above {unit} and has nothing above it?"
    _ask(w, question, [tree.root], tree, tree.line(unit), "root")


def _where_now(w: Writer, tree: _Tree) -> None:
    unit = w.r.choice(sorted(tree.moved))
    _ask(w, f"Where does {unit} belong now?", [tree.parents[unit]], tree, [unit], "move")


_SCENARIOS: dict[str, Callable[[Job], None]] = {
    "normal": _normal, "binary": hi_forms.binary, "json": hi_forms.document, "formula": hi_forms.formulas,
}  # fmt: skip

GENERATOR = Generator(
    "hi-bench",
    "HiBench",
    "HiBench, arXiv 2503.00912",
    "adapted",
    "told over many turns; a move in place of new structures as answers; no scenarios of code and papers",
    "A hierarchy told turn by turn: a tree that changes, binary trees, a JSON document, or formulas.",
    {"scenario": ("normal", "binary", "json", "formula"), "children": 4, "probes": 33},
    _make,
    {"children": (2, 100)},
)
