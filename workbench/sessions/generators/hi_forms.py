"""HiBench's further scenarios: binary trees, a JSON document, and formulas, each told piece by piece over the turns."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Job, Writer

_LRU = "long_range_understanding"
ORDERS = ("preorder", "inorder", "postorder")


@dataclass
class _Node:
    """A node of a binary tree."""

    number: int
    left: _Node | None = None
    right: _Node | None = None

    @property
    def height(self) -> int:
        """Levels of it and of what hangs below."""
        return 1 + max((child.height for child in (self.left, self.right) if child), default=0)

    @property
    def shape(self) -> tuple[Any, ...]:
        """The same for trees of one form, whichever side a child hangs on."""
        return tuple(sorted(child.shape for child in (self.left, self.right) if child))

    def walk(self, order: str) -> Iterator[int]:
        """Numbers in one of the three orders."""
        if order == "preorder":
            yield self.number
        if self.left:
            yield from self.left.walk(order)
        if order == "inorder":
            yield self.number
        if self.right:
            yield from self.right.walk(order)
        if order == "postorder":
            yield self.number

    def nodes(self) -> Iterator[_Node]:
        """It and all below."""
        yield self
        for child in (self.left, self.right):
            if child:
                yield from child.nodes()


def _balanced(node: _Node | None) -> bool:
    if node is None:
        return True
    left, right = (child.height if child else 0 for child in (node.left, node.right))
    return abs(left - right) <= 1 and _balanced(node.left) and _balanced(node.right)


def _grown(r: random.Random, size: int) -> _Node:
    numbers = r.sample(range(10, 100), size)
    root = _Node(numbers[0])
    for number in numbers[1:]:
        node, made = root, _Node(number)
        while True:
            if r.random() < 0.5:
                if not node.left:
                    node.left = made
                    break
                node = node.left
            else:
                if not node.right:
                    node.right = made
                    break
                node = node.right
    return root


def binary(job: Job) -> None:
    """Binary trees, several in a session: balance, the three traversals, which one a sequence is, mirror, shape."""
    w = job.writer()
    trees: list[tuple[_Node, list[int]]] = []
    while True:
        root, n = _grown(w.r, w.r.randrange(4, 9)), len(trees) + 1
        lines = [f"Tree {n} has the root {root.number}."]
        for node in root.nodes():
            lines += [f"In tree {n} the {side} child of {node.number} is {child.number}."
                      for side, child in (("left", node.left), ("right", node.right)) if child]  # fmt: skip
        if not w.fits(*lines) and len(trees) >= 2:
            break
        w.r.shuffle(lines)
        trees.append((root, [w.say(line) for line in lines]))
    kinds: tuple[Callable[[Writer, list[tuple[_Node, list[int]]], int], None], ...] = (
        _balance, _walked, _which_order, _mirrored, _alike, _walked,
    )  # fmt: skip
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, trees, w.r.randrange(len(trees)))


def _asked(w: Writer, question: str, gold: list[str], turns: list[int], task: str, **fields: Any) -> None:
    w.ask(question, gold, _LRU, turns, extra={"task": task, "scenario": "binary"}, **fields)


def _balance(w: Writer, trees: list[tuple[_Node, list[int]]], n: int) -> None:
    root, turns = trees[n]
    question = f"Is tree {n + 1} balanced: do the heights under every node differ by one at most? Answer yes or no."
    _asked(w, question, ["yes" if _balanced(root) else "no"], turns, "balance")


def _walked(w: Writer, trees: list[tuple[_Node, list[int]]], n: int) -> None:
    root, turns = trees[n]
    order = w.r.choice(ORDERS)
    question = f"Write the numbers of tree {n + 1} in {order}, with commas between them."
    _asked(w, question, [", ".join(map(str, root.walk(order)))], turns, order, scorer="match")


def _which_order(w: Writer, trees: list[tuple[_Node, list[int]]], n: int) -> None:
    root, turns = trees[n]
    orders = {o: ", ".join(map(str, root.walk(o))) for o in ORDERS}
    told = [o for o in ORDERS if list(orders.values()).count(orders[o]) == 1]
    if not told:
        return _balance(w, trees, n)
    order = w.r.choice(told)
    question = f"Is the sequence {orders[order]} the preorder, the inorder or the postorder of tree {n + 1}?"
    return _asked(w, question, [order], turns, "verification", options=ORDERS)


def _mirrored(w: Writer, trees: list[tuple[_Node, list[int]]], n: int) -> None:
    root, turns = trees[n]
    node = w.r.choice([node for node in root.nodes() if node.left or node.right])
    side, child = w.r.choice([(s, c) for s, c in (("right", node.left), ("left", node.right)) if c])
    question = f"Tree {n + 1} is mirrored: left and right change places everywhere. Which is then the {side} child of "
    _asked(w, f"{question}{node.number}?", [str(child.number)], turns, "mirror")


def _alike(w: Writer, trees: list[tuple[_Node, list[int]]], n: int) -> None:
    other = w.r.choice([m for m in range(len(trees)) if m != n])
    same = [m for m in range(len(trees)) if m != n and trees[m][0].shape == trees[n][0].shape]
    if same and w.r.random() < 0.5:
        other = w.r.choice(same)
    alike = trees[n][0].shape == trees[other][0].shape
    question = f"Have trees {n + 1} and {other + 1} the same shape when left and right do not matter? Answer yes or no."
    _asked(w, question, ["yes" if alike else "no"], [*trees[n][1], *trees[other][1]], "isomorphic")


# A JSON document ------------------------------------------------------------------------------------------------------

_LEVELS = ("university", "faculty", "institute", "group", "team")


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    level: int
    parent: str
    staff: int


def document(job: Job) -> None:
    """The nodes of one JSON document, told one by one: children, depth, levels, attributes, paths, shared ancestors."""
    w = job.writer()
    names = iter(n.capitalize() for n in pools.made_up(w.r, 60 + job.tokens // 8))
    root = _Part(next(names), 0, "", w.r.randrange(10, 1000))
    parts, lines = [root], [_as_json(root)]
    free, used = [root], w.count(lines[0])
    while True:
        parent = w.r.choice(free)
        part = _Part(next(names), parent.level + 1, parent.name, w.r.randrange(10, 1000))
        line = _as_json(part)
        if used + w.count(line) > w.room and len(parts) >= 6:
            break
        used += w.count(line)
        parts.append(part)
        lines.append(line)
        if part.level < len(_LEVELS) - 1:
            free.append(part)
    order = w.r.sample(range(len(parts)), len(parts))
    turns = {parts[n].name: w.say(lines[n], own=False) for n in order}
    whole = _Document({p.name: p for p in parts}, turns)
    kinds: tuple[Callable[[Writer, _Document], None], ...] = (
        _child_count, _node_depth, _attribute, _level_count, _path_up, _shared,
    )  # fmt: skip
    for number in range(job["probes"]):
        kinds[number % len(kinds)](w, whole)


def _as_json(part: _Part) -> str:
    said: dict[str, Any] = {"type": _LEVELS[part.level], "name": part.name}
    return json.dumps(said | ({"part_of": part.parent} if part.parent else {}) | {"staff": part.staff})


@dataclass(frozen=True, slots=True)
class _Document:
    parts: dict[str, _Part]
    turns: dict[str, int]

    def line(self, name: str) -> list[str]:
        """A node and all above."""
        found = [name]
        while self.parts[found[-1]].parent:
            found.append(self.parts[found[-1]].parent)
        return found

    def ask(self, w: Writer, question: str, gold: str, names: list[str], task: str, **fields: Any) -> None:
        """A question with the turns that tell these nodes."""
        extra = {"task": task, "scenario": "json"}
        w.ask(question, [gold], _LRU, [self.turns[n] for n in names], extra=extra, **fields)

    def some(self, w: Writer, level: int = 1) -> _Part:
        """A node that far below the root at least."""
        deep = [p for p in self.parts.values() if p.level >= level]
        return w.r.choice(deep or [p for p in self.parts.values() if p.level])


def _child_count(w: Writer, d: _Document) -> None:
    name = w.r.choice(sorted({p.parent for p in d.parts.values() if p.parent}))
    own = [p.name for p in d.parts.values() if p.parent == name]
    d.ask(w, f"How many nodes are directly part of {name}?", str(len(own)), own, "child_count", scorer="number")


def _node_depth(w: Writer, d: _Document) -> None:
    part = d.some(w)
    question = f"On which level of the document is {part.name}, where the outermost node is on level 1?"
    d.ask(w, question, str(part.level + 1), d.line(part.name), "node_depth", scorer="number")


def _attribute(w: Writer, d: _Document) -> None:
    part = d.some(w)
    question = f"How many staff has the node that {part.name} is part of?"
    d.ask(w, question, str(d.parts[part.parent].staff), [part.name, part.parent], "node_attribute", scorer="number")


def _level_count(w: Writer, d: _Document) -> None:
    level = w.r.choice(sorted({p.level for p in d.parts.values() if p.level}))
    own = [p.name for p in d.parts.values() if p.level == level]
    question = f"How many nodes of the type {_LEVELS[level]} does the document have?"
    d.ask(w, question, str(len(own)), own, "level_count", scorer="number")


def _path_up(w: Writer, d: _Document) -> None:
    part = d.some(w, 2)
    line = d.line(part.name)
    question = f"Write the path from {part.name} up to the outermost node, names with commas between them."
    d.ask(w, question, ", ".join(line), line, "path_down_to_up")


def _shared(w: Writer, d: _Document) -> None:
    one, two = w.r.sample([p.name for p in d.parts.values() if p.level], 2)
    first, second = d.line(one)[1:], d.line(two)[1:]
    lowest = next(name for name in first if name in second)
    ways = [name for line in (d.line(one), d.line(two)) for name in line[: line.index(lowest)]]
    question = f"Which is the innermost node that both {one} and {two} are inside of?"
    d.ask(w, question, lowest, list(dict.fromkeys([*ways, lowest])), "shared_ancestor")


# Formulas -------------------------------------------------------------------------------------------------------------

_SIGNS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b,
}  # fmt: skip
Formula = int | tuple[str, "Formula", "Formula"]


def _drawn(r: random.Random, deep: int) -> Formula:
    if deep == 0:
        return r.randrange(2, 20)
    halves = [deep - 1, r.randrange(deep)]
    r.shuffle(halves)
    return r.choice("+-*"), _drawn(r, halves[0]), _drawn(r, halves[1])


def _value(f: Formula) -> int:
    return f if isinstance(f, int) else _SIGNS[f[0]](_value(f[1]), _value(f[2]))


def _infix(f: Formula) -> str:
    return str(f) if isinstance(f, int) else f"({_infix(f[1])} {f[0]} {_infix(f[2])})"


def _postfix(f: Formula) -> str:
    return str(f) if isinstance(f, int) else f"{_postfix(f[1])} {_postfix(f[2])} {f[0]}"


def formulas(job: Job) -> None:
    """Formulas told one a turn: their value, the same in another notation, and whether two of them are equal."""
    w = job.writer()
    found: list[tuple[Formula, int]] = []
    while True:
        made = _drawn(w.r, w.r.randrange(1, 4))
        if found and w.r.random() < 0.3 and not isinstance(found[-1][0], int):
            sign, a, b = found[-1][0]
            made = (sign, b, a)  # equal to the one before for a sum or product, seldom for a difference
        text = f"Formula {len(found) + 1} is {_infix(made)}."
        if not w.fits(text) and len(found) >= 3:
            break
        found.append((made, w.say(text, own=False)))
    for number in range(job["probes"]):
        _FORMULA[number % len(_FORMULA)](w, found, w.r.randrange(1, len(found)))


def _calculated(w: Writer, found: list[tuple[Formula, int]], n: int) -> None:
    extra = {"task": "calculate", "scenario": "formula"}
    gold = [str(_value(found[n][0]))]
    w.ask(f"What is the value of formula {n + 1}?", gold, _LRU, [found[n][1]], scorer="number", extra=extra)


def _converted(w: Writer, found: list[tuple[Formula, int]], n: int) -> None:
    extra = {"task": "convert", "scenario": "formula"}
    question = f"Write formula {n + 1} in postfix notation, with spaces and without brackets."
    w.ask(question, [_postfix(found[n][0])], _LRU, [found[n][1]], scorer="in-order", extra=extra)


def _equal(w: Writer, found: list[tuple[Formula, int]], n: int) -> None:
    extra = {"task": "equivalent", "scenario": "formula"}
    gold = "yes" if _value(found[n][0]) == _value(found[n - 1][0]) else "no"
    question = f"Have formulas {n} and {n + 1} the same value? Answer yes or no."
    w.ask(question, [gold], _LRU, [found[n - 1][1], found[n][1]], extra=extra)


_FORMULA = (_calculated, _converted, _equal)
