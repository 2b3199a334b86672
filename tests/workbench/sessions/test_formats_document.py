"""docs/session-format.md says what the reader does."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from workbench.sessions import formats
from workbench.sessions.formats import native


@pytest.fixture(scope="module")
def document(root: Path) -> str:
    return (root / "docs" / "session-format.md").read_text("utf-8")


def test_the_example_is_a_session(document: str, tmp_path: Path) -> None:
    path = tmp_path / "example.json"
    path.write_text(re.findall(r"```json\n(.*?)```", document, re.S)[0], "utf-8")
    (session,) = formats.read(path)
    assert (len(session.turns), len(session.probes), session.warnings) == (3, 3, ())


@pytest.mark.parametrize(
    ("title", "model"),
    [("Session", native.SessionModel), ("Turn", native.TurnModel), ("Probe", native.ProbeModel)],
)
def test_every_key_is_described(document: str, title: str, model: type[BaseModel]) -> None:
    section = document.split(f"\n## {title}\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.M)) == set(model.model_fields)


def test_every_scorer_is_described(document: str) -> None:
    section = document.split("\n## Scorers\n")[1]
    assert set(re.findall(r"^\| `([\w-]+)` \|", section, re.M)) == set(native.SCORERS)


def test_every_other_format_is_described(document: str) -> None:
    section = document.split("\n## Other formats\n")[1]
    others = {title for name, title in formats.titles().items() if name != "native"}
    assert {title for title in others if f"| {title}" in section} == others
