"""Every panel, one line each. A panel's module is imported when the panel is first shown."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ui.panels.base import Panel
    from ui.state.workspace import Workspace

PANELS: dict[str, str] = {
    "scrubber": "ui.panels.scrubber:ScrubberPanel",
    "transcript": "ui.panels.transcript:TranscriptPanel",
    "lanes": "ui.panels.lanes:LanesPanel",
    "scoreboard": "ui.panels.scoreboard:ScoreboardPanel",
    "flips": "ui.panels.flips:FlipsPanel",
    "graph": "ui.panels.graph:GraphPanel",
    "items": "ui.panels.items:ItemsPanel",
    "structure": "ui.panels.structure:StructurePanel",
    "diff": "ui.panels.diff:DiffPanel",
    "why": "ui.panels.why:WhyPanel",
    "hits": "ui.panels.hits:HitsPanel",
    "attention": "ui.panels.attention:AttentionPanel",
    "cache": "ui.panels.cache:CachePanel",
    "probes": "ui.panels.probes:ProbesPanel",
    "findings": "ui.panels.findings:FindingsPanel",
    "charts": "ui.panels.charts:ChartsPanel",
    "embedding": "ui.panels.embedding:EmbeddingPanel",
    "cost": "ui.panels.cost:CostPanel",
    "find": "ui.panels.find:FindPanel",
    "log": "ui.panels.log:LogPanel",
    "engine": "ui.panels.engine:EnginePanel",
}
"""Name to ``module:class``."""

INSPECTORS = {
    "why": "Why",
    "graph": "Graph",
    "items": "Items",
    "structure": "Structure",
    "diff": "Diff",
    "hits": "Hits",
    "attention": "Attention",
    "cache": "Cache",
    "probes": "Probes",
    "findings": "Findings",
    "charts": "Charts",
    "embedding": "Embedding",
    "cost": "Cost",
    "find": "Find",
    "log": "Log",
    "engine": "Engine",
}
"""The tabs of the inspector, in order, and their titles."""


def make(name: str, workspace: Workspace) -> Panel:
    """A fresh panel."""
    module, _, cls = PANELS[name].partition(":")
    panel: Panel = getattr(import_module(module), cls)(workspace)
    return panel
