"""Benchmarks of long contexts: a text in pieces, then questions about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.sessions.formats.limits import check_turns
from workbench.sessions.model import Probe, Session, Turn

PIECE = 2000
"""Letters of a piece of running text: about 512 tokens of English. Letters of wide scripts count for four."""
CHUNKS = {"paper": PIECE, "code": 8 * PIECE}
_END = re.compile(r"[.!?…؟۔]['\")\]”’»]*\s+|[。！？｡।॥።][”』」）]*\s*|\n+")
_WIDE = re.compile("[\u2e80-\U0010ffff]")
LAST = -2
"""``Probe.after`` of a question that is asked after the last turn, before it is known which that is."""


def pieces(text: str, limit: int = PIECE) -> list[str]:
    """The text cut as ``cut`` does."""
    return [said for _, said in cut(text, limit)]


def cut(text: str, limit: int = PIECE) -> Iterator[tuple[int, str]]:
    """Where each piece begins, and what it says: whole sentences of any script, what stands between as it is."""
    for begin, end in _cuts(text, limit):
        said = text[begin:end].strip()
        if said:
            yield begin, said


def _cuts(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Begin and end of every piece: whole sentences up to ``limit``.

    A longer sentence stays whole in the code's size and is cut between words in the paper's.
    """
    begin, size, last = 0, 0.0, 0
    for end in (*(m.end() for m in _END.finditer(text)), len(text)):
        sentence = _width(text[last:end])
        if size and size + sentence > limit:
            yield begin, last
            begin, size = last, 0
        if sentence > limit == PIECE:
            for cut in _words(text, last, end, limit):
                yield begin, cut
                begin = cut
            size = _width(text[begin:end])
        else:
            size += sentence
        last = end
    yield begin, len(text)


def _words(text: str, begin: int, end: int, limit: int) -> Iterator[int]:
    """Places between words that cut a long sentence into pieces of at most ``limit``."""
    while end - begin > limit or _width(text[begin:end]) > limit:
        reach = begin + (limit if _width(text[begin : begin + limit]) <= limit else limit // 4)
        space = text.rfind(" ", begin + 1, reach)
        begin = space if space > begin else reach
        yield begin


def _width(text: str) -> int:
    return len(text) + (0 if text.isascii() else 3 * len(_WIDE.findall(text)))


def told(
    context: str,
    name: str,
    format: str,
    probes: Sequence[Probe],
    remarks: Iterable[str],
    where: str,
    extra: Mapping[str, Any],
) -> Session:
    """A session whose turns are the pieces of a context. Raises ``SessionFormatError`` for an empty one."""
    turns = tuple(Turn(n, "user", piece) for n, piece in enumerate(pieces(context)))
    check_turns(len(turns), where)
    return Session(name, turns, at_the_end(probes, len(turns) - 1), format, tuple(remarks), dict(extra))


def at_the_end(probes: Iterable[Probe], last: int) -> tuple[Probe, ...]:
    """The probes, those with ``LAST`` asked after the turn ``last``."""
    return tuple(replace(p, after=last) if p.after == LAST else p for p in probes)
