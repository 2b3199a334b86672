"""docs/sweeps.md: its commands work on its file, what it shows is printed, and its table has every key."""

import re
from pathlib import Path

import pytest

from tests.support.pages import blocks, follow
from workbench.sweep.config import SETTINGS, Schema
from workbench.sweep.drive import IN_A_ROW


def test_the_commands_do_what_the_page_says(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs" / "sweeps.md").read_text("utf-8")
    (file,) = (body for name, body in blocks(page) if name == "yaml")
    (tmp_path / "sweep.yaml").write_text(file)
    monkeypatch.chdir(tmp_path)
    commands, shown = follow(page, capsys)
    assert commands == 4 and shown >= 6


def test_every_key_has_its_row(root: Path) -> None:
    page = (root / "docs" / "sweeps.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named | set(SETTINGS) == set(Schema.model_fields)
    (grid,) = (row for row in page.splitlines() if row.startswith("| `grid`"))
    assert set(re.findall(r"`(\w+)`", grid)) == {"grid", *SETTINGS}
    assert f"After {IN_A_ROW} failures in a row" in page
