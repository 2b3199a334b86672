"""Every KV-cache policy, one line each.

``full-cache`` keeps every cell and is what a lane has when its SPEC names no policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.errors import UsageError

DEFAULT = "full-cache"


@dataclass
class FullCache:
    """Keep every cell: the exact baseline that all policies are measured against."""

    name: ClassVar[str] = "full-cache"
    title: ClassVar[str] = "Full cache"
    fidelity: ClassVar[str] = "baseline"
    paper: ClassVar[str] = ""


POLICIES: dict[str, type[FullCache]] = {FullCache.name: FullCache}


def policy(name: str) -> type[FullCache]:
    """The policy called ``name``. Raises ``UsageError`` naming the ones there are."""
    if name not in POLICIES:
        raise UsageError(f"unknown cache policy {name!r}", f"one of: {', '.join(POLICIES)}")
    return POLICIES[name]
