"""Every memory strategy, one line each. Adding one takes its file and a line here."""

from __future__ import annotations

from importlib import import_module

from workbench.errors import UsageError
from workbench.memory.base import MemoryStrategy

STRATEGIES: dict[str, str] = {
    "full": "workbench.memory.full:Full",
    "window": "workbench.memory.window:Window",
    "bm25": "workbench.memory.bm25:BM25",
    "dense": "workbench.memory.dense:Dense",
    "hybrid": "workbench.memory.hybrid:Hybrid",
    "a-mem": "workbench.memory.a_mem:AMem",
    "memgas": "workbench.memory.memgas:MemGAS",
    "synaptic-resonance": "workbench.memory.synaptic_resonance:SynapticResonance",
    "tool2vec": "workbench.memory.tool2vec:Tool2Vec",
    "mem0": "workbench.memory.mem0:Mem0",
    "mem0-v3": "workbench.memory.mem0_v3:Mem0V3",
    "mem0-graph": "workbench.memory.mem0_graph:Mem0Graph",
    "memory-r1": "workbench.memory.memory_r1:MemoryR1",
    "lightmem": "workbench.memory.lightmem:LightMem",
    "memos": "workbench.memory.memos:MemOS",
    "memoryos": "workbench.memory.memory_os:MemoryOS",
    "mirix": "workbench.memory.mirix:MIRIX",
    "letta": "workbench.memory.letta:Letta",
    "think-in-memory": "workbench.memory.think_in_memory:ThinkInMemory",
    "caim": "workbench.memory.caim:CAIM",
    "expe-repair": "workbench.memory.expe_repair:ExpeRepair",
    "chem-agent": "workbench.memory.chem_agent:ChemAgent",
    "mem1": "workbench.memory.mem1:Mem1",
    "sculptor": "workbench.memory.sculptor:Sculptor",
    "l2mac": "workbench.memory.l2mac:L2MAC",
    "tim": "workbench.memory.tim:TIM",
    "tme-tree": "workbench.memory.tme_tree:TMETree",
    "tme-dag": "workbench.memory.tme_dag:TMEDag",
    "hcam": "workbench.memory.hcam:HCAM",
    "hmt": "workbench.memory.hmt:HMT",
    "m3-agent": "workbench.memory.m3_agent:M3Agent",
    "spatial": "workbench.memory.spatial:Spatial",
    "em-llm": "workbench.memory.em_llm:EMLLM",
    "titans": "workbench.memory.titans:Titans",
    "pmi": "workbench.memory.pmi:PMI",
    "video-llamb": "workbench.memory.video_llamb:VideoLLaMB",
}
"""Name to ``module:class``. Modules are imported when a lane asks for them."""


def strategy(name: str) -> type[MemoryStrategy]:
    """The strategy called ``name``. Raises ``UsageError`` naming the ones there are."""
    if name not in STRATEGIES:
        raise UsageError(f"unknown memory strategy {name!r}", f"one of: {', '.join(STRATEGIES)}")
    module, _, cls = STRATEGIES[name].partition(":")
    found: type[MemoryStrategy] = getattr(import_module(module), cls)
    return found
