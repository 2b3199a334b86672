"""Every memory strategy, one line each, and those that come from outside. Adding one takes its file and a line here."""

from __future__ import annotations

import logging
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module

from workbench import plugins
from workbench.errors import UsageError
from workbench.memory.base import MemoryStrategy
from workbench.memory.controls import CONTROLS

GROUP = "mnemoscope.memory"
_log = logging.getLogger("mnemoscope")

STRATEGIES: dict[str, str] = {
    "full": "workbench.memory.strategies.full:Full",
    "window": "workbench.memory.strategies.window:Window",
    "bm25": "workbench.memory.strategies.bm25:BM25",
    "dense": "workbench.memory.strategies.dense:Dense",
    "hybrid": "workbench.memory.strategies.hybrid:Hybrid",
    "a-mem": "workbench.memory.strategies.a_mem:AMem",
    "memgas": "workbench.memory.strategies.memgas:MemGAS",
    "synaptic-resonance": "workbench.memory.strategies.synaptic_resonance:SynapticResonance",
    "tool2vec": "workbench.memory.strategies.tool2vec:Tool2Vec",
    "mem0": "workbench.memory.strategies.mem0:Mem0",
    "mem0-v3": "workbench.memory.strategies.mem0_v3:Mem0V3",
    "mem0-graph": "workbench.memory.strategies.mem0_graph:Mem0Graph",
    "memory-r1": "workbench.memory.strategies.memory_r1:MemoryR1",
    "lightmem": "workbench.memory.strategies.lightmem:LightMem",
    "memos": "workbench.memory.strategies.memos:MemOS",
    "memoryos": "workbench.memory.strategies.memory_os:MemoryOS",
    "mirix": "workbench.memory.strategies.mirix:MIRIX",
    "letta": "workbench.memory.strategies.letta:Letta",
    "think-in-memory": "workbench.memory.strategies.think_in_memory:ThinkInMemory",
    "caim": "workbench.memory.strategies.caim:CAIM",
    "expe-repair": "workbench.memory.strategies.expe_repair:ExpeRepair",
    "chem-agent": "workbench.memory.strategies.chem_agent:ChemAgent",
    "mem1": "workbench.memory.strategies.mem1:Mem1",
    "sculptor": "workbench.memory.strategies.sculptor:Sculptor",
    "l2mac": "workbench.memory.strategies.l2mac:L2MAC",
    "tim": "workbench.memory.strategies.tim:TIM",
    "tme-tree": "workbench.memory.strategies.tme_tree:TMETree",
    "tme-dag": "workbench.memory.strategies.tme_dag:TMEDag",
    "hcam": "workbench.memory.strategies.hcam:HCAM",
    "hmt": "workbench.memory.strategies.hmt:HMT",
    "m3-agent": "workbench.memory.strategies.m3_agent:M3Agent",
    "spatial": "workbench.memory.strategies.spatial:Spatial",
    "em-llm": "workbench.memory.strategies.em_llm:EMLLM",
    "titans": "workbench.memory.strategies.titans:Titans",
    "pmi": "workbench.memory.strategies.pmi:PMI",
    "video-llamb": "workbench.memory.strategies.video_llamb:VideoLLaMB",
}
"""Name to ``module:class``. Modules are imported when a lane asks for them."""


def strategies() -> tuple[str, ...]:
    """The names of all strategies, those of other packages (entry point ``mnemoscope.memory``) last."""
    return (*STRATEGIES, *(name for name in _outside() if name not in STRATEGIES))


def strategy(name: str) -> type[MemoryStrategy]:
    """The strategy called ``name``, or the class at ``path/to/file.py:Class``.

    Raises:
        UsageError: naming the ones there are, or what is wrong with the file.
    """
    if plugins.is_path(name):
        return _checked(plugins.from_path(name, MemoryStrategy))
    if name in STRATEGIES:
        module, _, cls = STRATEGIES[name].partition(":")
        found: type[MemoryStrategy] = getattr(import_module(module), cls)
        return found
    if name in _outside():
        return _outside()[name]
    if name in CONTROLS:
        return CONTROLS[name]
    raise UsageError(f"unknown memory strategy {name!r}", f"one of: {', '.join(strategies())}")


@cache
def _outside() -> dict[str, type[MemoryStrategy]]:
    """The strategies of other packages that are what they should be."""
    found: dict[str, type[MemoryStrategy]] = {}
    for name, cls in plugins.loaded(GROUP).items():
        if isinstance(cls, type) and issubclass(cls, MemoryStrategy):
            found[name] = cls
        else:
            _log.warning("%s in %s is no MemoryStrategy; it is left out", name, GROUP)
    return found


def _checked(cls: type[MemoryStrategy]) -> type[MemoryStrategy]:
    """A class from a file, named like its class where it gives itself no name."""
    if not is_dataclass(cls) or "__dataclass_fields__" not in vars(cls):
        raise UsageError(f"{cls.__name__} is no dataclass", "put @dataclass above the class")
    if not hasattr(cls, "name"):
        cls.name = cls.__name__.lower()
    if not hasattr(cls, "title"):
        cls.title = cls.__name__
    return cls
