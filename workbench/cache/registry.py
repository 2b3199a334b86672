"""Every KV-cache policy, one line each. Adding one takes its file and a line here.

``full-cache`` keeps every cell and is what a lane has when its SPEC names no policy.
"""

from __future__ import annotations

from importlib import import_module

from workbench import plugins
from workbench.cache.base import CachePolicy
from workbench.errors import UsageError

DEFAULT = "full-cache"
GROUP = "mnemoscope.cache"

POLICIES: dict[str, str] = {
    "full-cache": "workbench.cache.policies.full_cache:FullCache",
    "streaming-llm": "workbench.cache.policies.streaming_llm:StreamingLLM",
    "h2o": "workbench.cache.policies.h2o:H2O",
    "snapkv": "workbench.cache.policies.snapkv:SnapKV",
    "pyramidkv": "workbench.cache.policies.pyramidkv:PyramidKV",
    "adakv": "workbench.cache.policies.adakv:AdaKV",
    "tova": "workbench.cache.policies.tova:TOVA",
    "knorm": "workbench.cache.policies.knorm:Knorm",
    "windowkv": "workbench.cache.policies.windowkv:WindowKV",
    "sentencekv": "workbench.cache.policies.sentencekv:SentenceKV",
    "squeezed-attention": "workbench.cache.policies.squeezed_attention:SqueezedAttention",
    "kvmerger": "workbench.cache.policies.kvmerger:KVMerger",
    "actqkv": "workbench.cache.policies.actqkv:ActQKV",
    "gemfilter": "workbench.cache.policies.gemfilter:GemFilter",
    "shadowkv": "workbench.cache.policies.shadowkv:ShadowKV",
    "timrun": "workbench.cache.policies.timrun:TIMRUN",
    "em-llm-kv": "workbench.cache.policies.em_llm_kv:EMLLMKV",
    "longmem": "workbench.cache.policies.longmem:LongMem",
    "quantized": "workbench.cache.policies.quantized:Quantized",
    "kivi": "workbench.cache.policies.kivi:KIVI",
}
"""Name to ``module:class``. Modules are imported when a lane asks for them."""


def policies() -> tuple[str, ...]:
    """The names of all policies, those of other packages (entry point ``mnemoscope.cache``) last."""
    return (*POLICIES, *(name for name in plugins.loaded(GROUP) if name not in POLICIES))


def policy(name: str) -> type[CachePolicy]:
    """The policy called ``name``, or the class at ``path/to/file.py:Class``.

    Raises:
        UsageError: naming the ones there are, or what is wrong with the file.
    """
    if plugins.is_path(name):
        return plugins.from_path(name, CachePolicy)
    found: type[CachePolicy] | None = plugins.loaded(GROUP).get(name)
    if name in POLICIES:
        module, _, cls = POLICIES[name].partition(":")
        found = getattr(import_module(module), cls)
    if found is None or not issubclass(found, CachePolicy):
        raise UsageError(f"unknown cache policy {name!r}", f"one of: {', '.join(policies())}")
    return found
