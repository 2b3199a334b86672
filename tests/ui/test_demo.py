from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QColor, QImage

from ui import layouts, panels
from ui.demo import MOST, SECONDS, _frames, _write, demo, scenes

PIL = pytest.importorskip("PIL.Image", reason="Pillow is a development dependency")


def test_the_story_takes_a_minute_on_any_run(window: Any, run_file: Path, settle: Any) -> None:
    window.open(run_file)
    settle(window.workspace)
    told = scenes(window)
    assert sum(scene.ms for scene in told) == SECONDS * 1000
    lanes = {row.name for row in window.workspace.run.lanes}
    for scene in told:
        assert scene.step.layout in layouts.LAYOUTS
        assert set(scene.step.tabs) <= set(panels.INSPECTORS)
        assert scene.step.lane in lanes
        assert scene.step.note
        assert scene.ms > 200 * len(scene.turns), "time is left to read the caption"


def test_its_pictures_differ_and_the_run_file_hears_nothing(window: Any, run_file: Path, settle: Any) -> None:
    window.resize(1024, 700)
    before = run_file.read_bytes()
    window.open(run_file)
    settle(window.workspace)
    told = [scenes(window)[place] for place in (1, 3)]
    told[1] = type(told[1])(told[1].step, told[1].ms, told[1].turns[:2])
    frames = list(_frames(window, told))
    assert len(frames) == 4
    assert sum(ms for _, ms in frames) == sum(scene.ms for scene in told)
    assert len({image.cacheKey() for image, _ in frames}) == 4
    assert frames[0][0] != frames[-1][0]
    assert run_file.read_bytes() == before
    assert not window.inquiry.busy


@pytest.mark.parametrize("kind", ["webp", "gif", "apng"])
def test_it_is_written_as_an_animated_picture(tmp_path: Path, kind: str) -> None:
    frames = []
    for name in ("red", "green", "blue"):
        image = QImage(63, 40, QImage.Format.Format_RGB32)  # rows of an odd length are padded
        image.fill(QColor(name))
        frames.append((image, 300))
    out = tmp_path / f"demo.{kind}"
    _write(frames, out, {"webp": "WEBP", "gif": "GIF", "apng": "PNG"}[kind])
    with PIL.open(out) as made:
        assert (made.size, made.n_frames) == ((63, 40), 3)
        made.seek(2)
        red, green, blue = made.convert("RGB").getpixel((60, 20))
        assert blue > 200 > 60 > max(red, green)


def test_what_cannot_be_made_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(tmp_path / "demo.mp4") == 1
    assert demo(tmp_path / "demo.webp", tmp_path / "gone.mnemo") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "demo.mp4" in said[0] and "gone.mnemo" in said[1]


def test_the_picture_of_the_readme_is_small_enough_and_a_minute_long() -> None:
    path = Path(__file__).parents[2] / "docs" / "pictures" / "demo.webp"
    assert path.stat().st_size <= MOST
    with PIL.open(path) as made:
        total = 0
        for place in range(made.n_frames):
            made.seek(place)
            made.load()
            total += made.info["duration"]
    assert total == SECONDS * 1000
