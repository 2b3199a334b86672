"""docs/locomo.md names every lane that retrieves, and says why a low one is low."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.lanes import LaneSpec
from workbench.memory.registry import STRATEGIES, strategy
from workbench.testing.matrix import QUESTION, TURNS
from workbench.testing.minds import Lane

PAGE = (Path(__file__).parents[3] / "docs" / "locomo.md").read_text("utf-8")
ROWS = re.findall(r"^\| ([a-z0-9:=-]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)


def retrieves(name: str) -> bool:
    """Whether a strategy ranks candidates for a question."""
    lane = Lane(strategy(name)()).tell(*(t.text for t in TURNS * 2), speaker="Mira")
    return bool(lane.ask(QUESTION).hits)


def test_the_page_names_every_lane_that_retrieves() -> None:
    named = {LaneSpec.parse(lane).memory for lane, *_ in ROWS}
    assert named == {name for name in STRATEGIES if retrieves(name)}


def test_a_low_lane_is_explained() -> None:
    _, _, why = PAGE.partition("## Why some are low")
    low = [lane for lane, _, _, share in ROWS if float(share) < 0.5]
    assert low and all(f"**{lane}**" in why for lane in low), low
    asked, dense = next((n, float(recall)) for lane, n, recall, _ in ROWS if lane == "dense")
    assert all(abs(float(recall) / dense - float(share)) < 0.01 for _, n, recall, share in ROWS if n == asked)
