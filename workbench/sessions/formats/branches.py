"""Conversations that branch: messages that name their parents, of which one branch is the current one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workbench.sessions.formats.limits import Remarks, shown

_NAMED = 5


def branch(parents: Mapping[str, str], leaf: str) -> list[str]:
    """The messages from the first one to ``leaf``; a circle ends where it closes.

    Args:
        parents: id of every message to that of its parent, which may be unknown or empty.
    """
    found: dict[str, None] = {}
    while leaf in parents and leaf not in found:
        found[leaf] = None
        leaf = parents[leaf]
    return list(found)[::-1]


def last_leaf(parents: Mapping[str, str]) -> str:
    """The last message in the file's order that nobody answers; empty for none."""
    answered = set(parents.values())
    return next((m for m in reversed(list(parents)) if m not in answered), "")


def remark_others(
    remarks: Remarks, where: str, parents: Mapping[str, str], chosen: list[str], text: Callable[[str], str]
) -> None:
    """Say which branches are left out, each by where it ends."""
    kept, answered = set(chosen), set(parents.values())
    ends = [m for m in parents if m not in answered and m not in kept]
    if not ends:
        return
    named = ", ".join(f"{shown(m, 40)[1:-1]} ({shown(text(m), 40)})" for m in ends[:_NAMED])
    more = f" and {len(ends) - _NAMED} more" if len(ends) > _NAMED else ""
    what = "another branch is" if len(ends) == 1 else f"{len(ends)} other branches are"
    remarks.add(where, f"{what} left out, ending in {named}{more}")
