"""``docs/generators.md`` has a row for every generator and method, and says of them what the program says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from workbench import cli
from workbench.commands.methods import ELSEWHERE
from workbench.commands.synth import given
from workbench.projections.methods import METHODS
from workbench.sessions.generators import GENERATORS


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "generators.md").read_text("utf-8")


def rows(page: str, title: str) -> dict[str, list[str]]:
    """The rows of a section's table by their first cell."""
    section = page.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| ")]
    return {row[0].strip("`"): row[1:] for row in cells[1:]}


def test_every_generator_has_its_row(page: str) -> None:
    found = rows(page, "Generators")
    assert list(found) == list(GENERATORS)
    for name, card in GENERATORS.items():
        options = f"`{given(card.options).replace('|', '/')}`"
        assert found[name] == [card.label, card.help, options, card.paper, card.differs]


def test_every_method_has_its_row(page: str) -> None:
    found = rows(page, "Methods")
    assert list(found) == [m.title for m in METHODS.values()] + [title for title, *_ in ELSEWHERE]
    for m in METHODS.values():
        assert found[m.title] == [m.label, f"`score FILE --method {m.name}`", m.help, m.needs, m.paper, m.differs]


def test_its_commands_are_commands(page: str) -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", page, re.S) for line in block.splitlines() if line]
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "mnemoscope"
        assert cli.parser().parse_args(words[1:]).command


@pytest.mark.parametrize("call", [call for _, call, *_ in ELSEWHERE])
def test_methods_that_are_commands_are_there(call: str) -> None:
    name = call.strip("`").split()[0]
    with pytest.raises(SystemExit) as caught:
        cli.parser().parse_args([name, "--help"])
    assert caught.value.code == 0
