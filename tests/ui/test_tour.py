from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from ui import layouts, panels
from ui.panels.transcript import TranscriptPanel
from ui.theme.tokens import THEMES
from ui.tour import HEIGHT, SMALL, WIDTH, tour


def expected(look: str) -> set[str]:
    parts = ("scrubber", "transcript", "lanes", "scoreboard", *panels.INSPECTORS)
    stops = [f"layout-{name.lower()}" for name in layouts.LAYOUTS] + [f"panel-{name}" for name in parts]
    stops += [
        "window-range",
        "window-why",
        "panel-why-all",
        "window-thread",
        "window-runs",
        "window-runs-alike",
        "panel-find-places",
        "window-story",
        "window-spotlight",
        "window-floating",
        "dialog-figure",
        "dialog-story",
        *(f"layout-{name.lower()}-{w}x{h}" for name in layouts.LAYOUTS for w, h in SMALL),
        *(f"window-story-{w}x{h}" for w, h in SMALL),
        "dialog-command-palette",
        *(f"dialog-help-{page}" for page in ("start", "marks", "keys")),
    ]
    return {f"{stop}-{look}@{scale}x.png" for stop in stops for scale in (1, 2)}


@pytest.mark.parametrize("look", [THEMES[0], pytest.param(THEMES[1], marks=pytest.mark.slow)])
def test_the_tour_visits_everything(
    run_file: Path, tmp_path: Path, look: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tour(tmp_path, run_file, (look,)) == 0, capsys.readouterr().err
    found = {path.name for path in tmp_path.glob("*.png")}
    assert expected(look) <= found
    of_sessions = {f"dialog-{name}-{look}@{scale}x.png" for name in ("new-run", "probes") for scale in (1, 2)}
    assert found - expected(look) <= of_sessions
    for scale in (1, 2):
        image = QImage(str(tmp_path / f"layout-debug-{look}@{scale}x.png"))
        assert (image.width(), image.height()) == (WIDTH * scale, HEIGHT * scale)
        for width, height in SMALL:
            for name in (
                "layout-debug",
                "layout-talk",
                "layout-compare",
                "layout-probe",
                "layout-runs",
                "window-story",
            ):
                image = QImage(str(tmp_path / f"{name}-{width}x{height}-{look}@{scale}x.png"))
                assert (image.width(), image.height()) == (width * scale, height * scale), name


def test_a_panel_that_fails_fails_the_tour(
    run_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(reader: object, moment: object, options: object) -> object:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(TranscriptPanel, "project", staticmethod(broken))
    monkeypatch.setattr(layouts, "LAYOUTS", {"Debug": layouts.LAYOUTS["Debug"]})
    monkeypatch.setattr(panels, "INSPECTORS", {"log": "Log"})
    assert tour(tmp_path, run_file, ("dark",)) == 1
    assert "transcript failed" in capsys.readouterr().err


def test_without_a_run_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tour(tmp_path, tmp_path / "gone.mnemo") == 1
    assert "gone.mnemo" in capsys.readouterr().err
