"""docs/first-failure.md: its commands work, and what it shows of their output is what they print."""

import re
from pathlib import Path

import pytest

from tests.support.pages import follow


def test_the_commands_print_what_the_page_says(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs" / "first-failure.md").read_text("utf-8")
    (tmp_path / "sample_sessions").symlink_to(root / "sample_sessions")
    monkeypatch.chdir(tmp_path)
    commands, shown = follow(page, capsys)
    assert commands == 7 and shown >= 16


def test_its_pictures_are_there_and_the_tour_makes_them(root: Path) -> None:
    page = (root / "docs" / "first-failure.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    tour = (root / "ui" / "tour.py").read_text("utf-8")
    assert pictures == ["pictures/why-dark.png", "pictures/why-thread-dark.png", "pictures/why-all-dark.png"]
    assert all((root / "docs" / name).is_file() for name in pictures)
    assert "window-why-{look}" in tour and "panel-why-all-{look}" in tour and "window-thread-{look}" in tour
