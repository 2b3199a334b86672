"""The track of surprise under the transcript, and the text of an answer coloured by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPointF

from tests.support.structures import run_of
from ui.panels import make
from ui.state.workspace import Workspace
from ui.widgets.surprise_track import Figures, SurpriseTrack, told
from workbench.engine.protocol import Expect
from workbench.projections import surprise
from workbench.projections.surprise import Cut, SurpriseView
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Workspace]:
    """A run with an EM-LLM lane, at a turn."""
    space = Workspace()
    space.open(run_of(tmp_path, ("full", "em-llm"), 12), 4)
    space.selection.reset(lane=2)
    yield space
    space.close()


@pytest.fixture
def panel(story: Workspace, qtbot: Any, settle: Callable[[Workspace], None]) -> Any:
    made = make("transcript", story)
    qtbot.addWidget(made)
    made.resize(320, 600)
    made.show()
    settle(story)
    return made


def keep(space: Workspace, turn: int) -> tuple[str, ...]:
    assert space.run is not None
    with TraceReader(space.run.path) as reader:
        texts = tuple(f" {word}" for word in reader.session(1).turns[turn].said.split())
        values = np.linspace(0.5, 12, len(texts), dtype=np.float32)
        surprise.put(SideArrays(space.run.path), surprise.turn_key(reader, 1, 2, turn), texts, values, values / 2)
    return texts


def test_figures_that_are_there_are_shown_without_a_model(story: Workspace, panel: Any, settle: Any) -> None:
    asked: list[object] = []
    story.asked.connect(asked.append)
    texts = keep(story, 4)
    assert not panel.track.isVisible()
    panel.surprise.setChecked(True)
    settle(story)
    assert panel.track.isVisible() and not asked
    assert panel.track.words._tokens == texts
    assert panel.track.head.text().startswith("turn 4 · mean 6.25 nats")
    panel.surprise.setChecked(False)
    assert not panel.track.isVisible()


def test_what_is_not_there_is_asked_for_once_and_the_latest_turn_next(
    story: Workspace, panel: Any, settle: Any
) -> None:
    asked: list[Any] = []
    story.asked.connect(asked.append)
    panel.surprise.setChecked(True)
    settle(story)
    assert story.run is not None
    assert asked == [Expect(story.run.path, 1, 2, 4)] and "Reading turn 4" in panel.track.head.text()
    for turn in (5, 6, 7):
        story.cursor.go(turn)
        settle(story)
    assert len(asked) == 1, "one at a time"
    keep(story, 4)
    story.computed.emit(asked[0])
    settle(story)
    assert [a.turn for a in asked] == [4, 7], "what was passed over meanwhile is not wanted any more"
    story.computed.emit(asked[1])  # nothing came of it
    settle(story)
    assert "could not be computed" in panel.track.head.text() and len(asked) == 2
    story.cursor.go(4)
    settle(story)
    assert panel.track.head.text().startswith("turn 4")


def test_another_question_is_none_of_its_business(story: Workspace, panel: Any, settle: Any) -> None:
    asked: list[Any] = []
    story.asked.connect(asked.append)
    panel.surprise.setChecked(True)
    settle(story)
    story.computed.emit(Expect(asked[0].path, 1, 2, 9))
    settle(story)
    assert len(asked) == 1 and "Reading" in panel.track.head.text()


def view(count: int, cuts: tuple[Cut, ...] = ()) -> SurpriseView:
    values = np.arange(count, dtype=np.float32) % 9
    values[0] = np.nan
    return SurpriseView(3, "", tuple(f" w{n}" for n in range(count)), values, values, cuts, "demo")


def test_words_and_figures_are_linked(qtbot: Any) -> None:
    track = SurpriseTrack()
    qtbot.addWidget(track)
    track.resize(400, 240)
    track.show()
    track.show_view(view(20, (Cut(5, 6.2, 4.0),)))
    track.grab()
    place = track.words.rect_of(5).center()
    assert track.words.token_at(QPointF(place)) == 5
    track.words.pointed.emit(5)
    assert track.figures.hover == track.words.hover == 5
    assert track.read.text() == "“w5” 5.00 (p 0.0067), entropy 5.00; EM-LLM began an event here, 6.20 over 4.00"
    track.figures.pointed.emit(-1)
    assert track.words.hover == -1 and "nats" in track.read.text()
    assert told(track._view, 0) == "“w0”: nothing stands before it"  # type: ignore[arg-type]
    under = replace(track._view, policy="snapkv")  # type: ignore[type-var]
    assert told(under, 1).endswith("; with the full cache, not under snapkv")


def test_a_place_on_the_figures_is_a_token(qtbot: Any) -> None:
    figures = Figures()
    qtbot.addWidget(figures)
    figures.resize(300, 60)
    figures.show_view(view(4_000))
    figures.grab()
    plot = figures._plot()
    assert figures.token_at(plot.left() + 1) < 40 and figures.token_at(plot.right() - 1) > 3_900
    assert figures.token_at(0) == -1 and figures.token_at(plot.right() + 5) == -1
    figures.show_view(view(1))
    figures.grab()


def test_the_text_of_an_answer_is_coloured_by_surprise(
    attention_panel: Any, settle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ui.panels import attention

    panel, space = attention_panel, attention_panel.workspace
    asked: list[Any] = []
    space.asked.connect(asked.append)
    panel.show_menu.choose("Text coloured by", "surprise")
    settle(space)
    assert len(asked) == 1 and asked[0].probe == panel.view.view.probe.id
    count = len(panel.view.view.tokens)
    made = SurpriseView(0, asked[0].probe, panel.view.view.tokens, np.full(count, 5.0), np.full(count, 2.5), (), "demo")
    monkeypatch.setattr(attention, "answer_surprise", lambda *_: made)
    space.computed.emit(asked[0])
    settle(space)
    assert (panel.text._values == 0.5).all()
    panel.text.pointed.emit(3)
    assert "entropy 2.50" in panel.readout.text()
    panel.show_menu.choose("Text coloured by", "entropy")
    settle(space)
    assert (panel.text._values == 0.25).all()
    panel.show_menu.choose("Text coloured by", "attention")
    assert not (panel.text._values == 0.25).all() and len(asked) == 1
