"""docs/first-failure.md: its commands work, and what it shows of their output is what they print."""

import re
import shlex
from pathlib import Path

import pytest

from workbench import cli


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks: what they are called and what is in them, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def plain(text: str) -> str:
    return " ".join(text.split())


def test_the_commands_print_what_the_page_says(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs" / "first-failure.md").read_text("utf-8")
    (tmp_path / "sample_sessions").symlink_to(root / "sample_sessions")
    monkeypatch.chdir(tmp_path)
    printed, commands, shown = "", 0, 0
    for name, body in blocks(page):
        if name == "sh":
            for line in body.strip().splitlines():
                program, *arguments = shlex.split(line)
                assert program == "mnemoscope"
                assert cli.main(arguments) == 0, line
                printed, commands = plain(capsys.readouterr().out), commands + 1
        elif name == "text":
            for line in filter(None, map(plain, body.splitlines())):
                assert line in printed, f"{line!r} is not in {printed[:3000]}"
                shown += 1
    assert commands == 7 and shown >= 16


def test_its_pictures_are_there_and_the_tour_makes_them(root: Path) -> None:
    page = (root / "docs" / "first-failure.md").read_text("utf-8")
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    tour = (root / "ui" / "tour.py").read_text("utf-8")
    assert pictures == ["pictures/why-dark.png", "pictures/why-thread-dark.png", "pictures/why-all-dark.png"]
    assert all((root / "docs" / name).is_file() for name in pictures)
    assert "window-why-{look}" in tour and "panel-why-all-{look}" in tour and "window-thread-{look}" in tour
