"""Pages of docs whose commands are run: their fenced blocks, and what they show held against what is printed."""

import re
import shlex

import pytest

from workbench import cli


def blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks: what they are called and what is in them, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)


def plain(text: str) -> str:
    return " ".join(text.split())


def follow(page: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, int]:
    """Run the commands of a page's ``sh`` blocks; every line of a ``text`` block must be in what the last one printed.

    Returns:
        How many commands were run, and how many lines were found.
    """
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
    return commands, shown
