"""``docs/fidelity.md`` has a row for every method and operation, and says of them what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workbench.memory.test_full_prompts import own
from workbench.memory.registry import STRATEGIES, strategy


def sections(root: Path) -> dict[str, tuple[str, str]]:
    """The page's sections by method: label, text."""
    page = (root / "docs" / "fidelity.md").read_text("utf-8")
    parts = re.findall(r"^## ([\w-]+): ([\w-]+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return {name: (label, text) for name, label, text in parts}


def rows(text: str) -> dict[str, list[str]]:
    """The rows of a section by operation."""
    found = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", text, re.MULTILINE)
    return {operation: [cell.strip() for cell in rest.split("|")] for operation, rest in found}


def test_every_method_has_its_section(root: Path) -> None:
    assert sections(root).keys() == STRATEGIES.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_operation_has_its_row(root: Path, name: str) -> None:
    label, text = sections(root)[name]
    assert label == strategy(name).fidelity
    assert text.strip().startswith("Source: ")
    page, asked = rows(text), own(name)
    assert page.keys() == asked.keys()
    for operation, (published, ours, budget, _) in page.items():
        assert published and ours
        assert {int(budget)} == {full.max_tokens for full in asked[operation]}, operation
