"""Every KV-cache policy, one line each. Adding one takes its file and a line here.

``full-cache`` keeps every cell and is what a lane has when its SPEC names no policy.
"""

from __future__ import annotations

from importlib import import_module

from workbench.cache.base import CachePolicy
from workbench.errors import UsageError

DEFAULT = "full-cache"

POLICIES: dict[str, str] = {
    "full-cache": "workbench.cache.policies.full_cache:FullCache",
    "streaming-llm": "workbench.cache.policies.streaming_llm:StreamingLLM",
    "h2o": "workbench.cache.policies.h2o:H2O",
    "snapkv": "workbench.cache.policies.snapkv:SnapKV",
    "tova": "workbench.cache.policies.tova:TOVA",
    "knorm": "workbench.cache.policies.knorm:Knorm",
}
"""Name to ``module:class``. Modules are imported when a lane asks for them."""


def policy(name: str) -> type[CachePolicy]:
    """The policy called ``name``. Raises ``UsageError`` naming the ones there are."""
    if name not in POLICIES:
        raise UsageError(f"unknown cache policy {name!r}", f"one of: {', '.join(POLICIES)}")
    module, _, cls = POLICIES[name].partition(":")
    found: type[CachePolicy] = getattr(import_module(module), cls)
    return found
