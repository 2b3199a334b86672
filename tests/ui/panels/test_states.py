"""The hidden states of the chosen span in the attention panel: asked for once, shown with explicit levels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from tests.ui.memory_runs import long_capture
from ui.state.workspace import Workspace
from ui.widgets import span_effects, span_states
from ui.widgets.states_grid import StatesGrid, rows
from workbench.engine.protocol import KnockHeads, Reweave
from workbench.projections.hits import ContextSpan
from workbench.projections.knocked import KnockGrid
from workbench.projections.states import Compared, StatesView, Writing

SPAN = ContextSpan("memory", "fact-0", "Mira lives in Oslo", ("fact-0",), (0,), (2, 6))


def view(layers: int = 3) -> StatesView:
    cosines = np.linspace(0.4, 1.0, layers * 4, dtype=np.float32).reshape(layers, 4)
    cosines[:, 1] = np.nan
    whole = np.linspace(0.9, 0.8, layers, dtype=np.float32)
    return StatesView(
        1, "p0", SPAN, Writing(0, "x"), (" a", " b", " c", " d"), cosines, whole, np.full(layers, 0.2, np.float32)
    )


@pytest.fixture
def grid(qtbot: Any) -> StatesGrid:
    made = StatesGrid()
    qtbot.addWidget(made)
    made.resize(300, 200)
    made.show_view(view())
    made.grab()
    return made


def test_a_cell_is_told_under_the_mouse(grid: StatesGrid) -> None:
    told: list[tuple[int, int]] = []
    grid.pointed.connect(lambda *at: told.append(at))
    for cell, said in (
        ((2, 3), "layer 2, “d”: cosine 1.000"),
        ((0, 1), "layer 0, “b”: the token did not stand where it was written"),
        ((1, 4), "layer 1, the memory's mean state: cosine 0.850"),
        ((1, 5), "layer 1, different tokens, on average: cosine 0.200"),
    ):
        place = grid._rect(*cell).center()
        assert grid.under(QPointF(place)) == cell and grid.told(*cell) == said
    assert grid.under(QPointF(1, 1)) == (-1, -1) and grid.told(-1, -1) == ""
    gap = QPointF(grid._rect(0, 4).left() - 2, grid._rect(0, 4).center().y())
    assert grid.under(gap) == (-1, -1)


def test_levels_are_explicit(grid: StatesGrid) -> None:
    assert grid.levels == (0.0, 1.0)
    grid.choose_levels("0.5 to 1")
    assert grid.levels == (0.5, 1.0)
    grid.choose_levels("least to most")
    assert grid.levels == pytest.approx((0.2, 1.0))
    grid.show_view(replace(view(1), cosines=np.full((1, 4), 0.2, np.float32), whole=np.full(1, 0.2, np.float32)))
    assert grid.levels[0] < 0.2 < grid.levels[1]
    grid.grab()
    table = rows(view())
    assert len(table) == 3 * 6 and ("token", 0, " b", None) in table and table[-1][0] == "others"


def test_a_span_is_compared_when_asked_for(
    attention_panel: Any, settle: Callable[[Workspace], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, space = attention_panel, attention_panel.workspace
    asked: list[Any] = []
    space.asked.connect(asked.append)
    found: list[Any] = [Compared(None, SPAN, Writing(3, "x"), "0" * 32)]  # type: ignore[arg-type]
    monkeypatch.setattr(span_states, "states_view", lambda *_: found[0])
    panel.show_menu.choose("Of the chosen span", "hidden states at writing and at recall")
    settle(space)
    tokens = panel.view.view.bands[panel._band].span.tokens
    assert space.run is not None
    assert asked == [Reweave(space.run.path, 1, panel.moment.lane, panel.view.view.probe.id, tokens)]
    assert "in turn 3" in panel.states.grid._said
    found[0] = replace(view(), policy="snapkv")
    space.computed.emit(asked[0])
    settle(space)
    assert panel.about.text().endswith("; both read with the full cache, not under snapkv")
    found[0] = view()
    space.computed.emit(asked[0])
    settle(space)
    assert panel.about.text().startswith("fact-0, written in turn 0, read after what was said before it")
    assert panel.about.text().endswith("3 of 4 tokens stand in both")
    panel.states.grid._point((0, 2))
    assert panel.text.hover == 4 and panel.readout.text().startswith("layer 0, “c”")
    panel.show_menu.choose("Levels of hidden states", "0.5 to 1")
    assert panel.states.grid.levels == (0.5, 1.0)
    assert panel.table(panel.view).columns == ("what", "layer", "token", "cosine")
    panel.show_menu.choose("Of the chosen span", "attention by layer and head")
    assert panel.grids.currentWidget() is panel.grid and len(asked) == 1


def test_what_cannot_be_computed_is_not_asked_for_again(
    qtbot: Any, settle: Callable[[Workspace], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = Workspace()
    space.open(long_capture(tmp_path / "long.mnemo", 64, bright=30), 0)
    states = span_states.SpanStates(space)
    qtbot.addWidget(states)
    states.show()
    asked: list[Any] = []
    space.asked.connect(asked.append)
    waiting = Compared(None, SPAN, Writing(3, "x"), "0" * 32)  # type: ignore[arg-type]
    monkeypatch.setattr(span_states, "states_view", lambda *_: waiting)
    states.show_span(space.moment, "p0", (2, 6))
    settle(space)
    space.computed.emit(asked[0])
    settle(space)
    assert states.grid._said == "They could not be computed" and len(asked) == 1
    monkeypatch.setattr(span_states, "states_view", lambda *_: None)
    states.show_span(space.moment, "p0", (0, 2))
    settle(space)
    assert "no memory" in states.grid._said
    space.close()


def test_the_effect_of_masking_by_head_is_asked_for_once_and_told(
    attention_panel: Any, settle: Callable[[Workspace], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, space = attention_panel, attention_panel.workspace
    asked: list[Any] = []
    space.asked.connect(asked.append)
    place = panel.view.view.bands[panel._band].place
    found = [KnockGrid(1, "p0", (place,), (SPAN,), "Oslo", "0" * 32)]
    monkeypatch.setattr(span_effects, "knock_grid", lambda *_: found[0])
    panel.show_menu.choose("Of the chosen span", "effect of masking by layer and head")
    settle(space)
    assert space.run is not None
    assert asked == [KnockHeads(space.run.path, 1, panel.moment.lane, panel.view.view.probe.id, place)]
    assert panel.about.text() == "Masking fact-0 in one layer and head after another…"
    effects = np.zeros((2, 4), np.float32)
    effects[1, 2], effects[0, 3] = -1.5, -2
    found[0] = replace(found[0], effects=effects)
    space.computed.emit(asked[0])
    settle(space)
    assert panel.about.text().startswith("without fact-0: -2 layer 0, all heads; -1.5 layer 1 head 2 (nats")
    assert panel.grids.currentWidget() is panel.effects
    grid = panel.effects.grid
    assert grid.told(1, 2) == "log-probability of the answer -1.5 nats without the span"
    assert "layer 0 all: log-probability of the answer -2 nats" in grid.accessibleDescription()
    assert panel.table(panel.view).columns == ("layer", "head", "change of the answer's log-probability (nats)")
    grid.chosen.emit(1, 2)
    settle(space)
    assert (panel.view.choice.layer, panel.view.choice.head, grid.layer, grid.head) == (1, 2, 1, 2)
    found[0] = replace(found[0], effects=None)
    panel.effects.again()
    settle(space)
    assert panel.about.text() == "They could not be computed" and len(asked) == 1
