"""The curves of policies: their names beside them."""

from __future__ import annotations

from typing import Any

import pytest

from ui.widgets.budget_curve import EVIDENCE, BudgetCurve
from workbench.projections.survival import SurvivalPoint


def point(number: int) -> SurvivalPoint:
    """One policy of its own."""
    named = {"lane": number, "name": f"full+p{number}", "memory": "full", "policy": f"p{number}"}
    said = {"way": "evicted-uniform", "badge": "EVICTED uniform", "when": "after-question", "budget": 0.3}
    kept: dict[str, Any] = {"share": 0.3, "evidence": number / 60, "with_evidence": 1, "kl": 0.1, "agreement": None}
    return SurvivalPoint(**named, **said, **kept, logical=1.0, modelled=1.0, full=2.0, accuracy=1.0, probes=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(("count", "height", "more"), [(8, 300, 0), (40, 300, 1), (40, 900, 0)])
def test_names_that_do_not_fit_are_counted_and_told(qtbot: Any, count: int, height: int, more: int) -> None:
    curve = BudgetCurve()
    qtbot.addWidget(curve)
    curve.resize(500, height)
    curve.show_points([point(n) for n in range(count)], EVIDENCE, 3)
    curve.grab()
    told = [zone for zone in curve.zones if zone.click is None]
    assert len(told) == more and len(curve.zones) == count + more
    for zone in told:
        rest = zone.tip.splitlines()
        assert rest[-1] == f"p{count - 1}" and 1 < len(rest) < count
        assert zone.rect.bottom() < curve.height() - curve.fontMetrics().height(), "off the axis"
