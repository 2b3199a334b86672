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


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "formats.md").read_text("utf-8")


def sections(page: str) -> dict[str, str]:
    """Text of every section by its title."""
    found = re.split(r"^## (.+)$", page, flags=re.M)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_every_other_format_is_described_once(page: str) -> None:
    titles = [entry.title for name, entry in formats.READERS.items() if name != "native"]
    assert sorted(re.findall(r"^## (.+)$", page, re.M)) == sorted(titles)


@pytest.mark.parametrize("name", [name for name in formats.READERS if name not in ("native", "mem0")])
def test_the_sample_of_a_format_is_read_as_what_it_is(page: str, tmp_path: Path, name: str) -> None:
    sample = re.search(r"^```(jsonl?)\n(.+?)^```", sections(page)[formats.READERS[name].title], re.M | re.S)
    assert sample is not None
    path = tmp_path / f"sample.{sample[1]}"
    path.write_text(sample[2], "utf-8")
    assert formats.recognise(path) == name
    assert all(session.turns for session in formats.read(path))
