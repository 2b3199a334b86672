"""The pictures of a run as files: SVG in the program's light colours, for papers and slides."""

from __future__ import annotations

import json
from functools import cache

from workbench import paths
from workbench.probes.errata import Errata
from workbench.projections.charts import charts
from workbench.projections.index import TraceIndex
from workbench.reports.charts import KINDS, caption, draw
from workbench.trace.reader import TraceReader

NAMES = {
    "needles": "needle-grid",
    "retention": "retention",
    "memory": "score-over-memory",
    "tokens": "score-over-tokens",
}
"""Their files' names by kind."""


@cache
def colours(theme: str) -> dict[str, str]:
    """The program's colours by role, and the lanes' as ``lane0`` and so on."""
    data = json.loads((paths.resources() / "themes" / f"{theme}.json").read_text("utf-8"))
    return data["colors"] | {f"lane{place}": value for place, value in enumerate(data["lanes"])}


def run_figures(reader: TraceReader, theme: str = "light", errata: Errata | None = None) -> dict[str, str]:
    """By file name the pictures of a run that there is something to show of."""
    if not TraceIndex.of(reader).lanes:
        return {}
    found, files = charts(reader, errata=errata), {}
    for kind in KINDS:
        drawn = draw(kind, found, colours(theme).__getitem__)
        if drawn is not None:
            files[f"{NAMES[kind]}.svg"] = drawn.svg(caption(kind, found))
    return files
