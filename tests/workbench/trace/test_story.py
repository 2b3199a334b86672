import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.traces import write_trace
from workbench.engine.control import Control
from workbench.engine.protocol import Report, Tell
from workbench.engine.questions import Questions
from workbench.errors import MnemoscopeError, TraceError
from workbench.repair import repair
from workbench.trace.reader import TraceReader
from workbench.trace.story import MOST, Step, from_file, read_story, to_file
from workbench.trace.writer import TraceWriter

STEPS = (
    Step("Here it is written", "Mira moves\nto Oslo", "Debug", ("why", "attention"), 1, 1, 7, 31, "a-mem", "note-3"),
    Step(
        "And here it is lost",
        turn=9,
        probe="p1",
        pinned=True,
        token=2,
        thread=7,
        first=2.5,
        last=20.0,
        lanes=("b", "a"),
        spot="graph",
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_trace(tmp_path / "a.mnemo", turns=4, items=2, probes=1)


def told(path: Path) -> tuple[Step, ...]:
    with TraceReader(path) as reader:
        return read_story(reader)


def test_a_story_is_kept_in_the_run_file_in_order(path: Path) -> None:
    assert told(path) == ()
    reports: list[Report] = []
    for steps in (STEPS, STEPS[::-1]):
        Questions().deal(Tell(path, tuple(step.to_json() for step in steps)), reports.append, Control())
        assert told(path) == steps


def test_a_file_of_an_earlier_version_opens_and_takes_a_story(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE story")
        connection.commit()
    assert told(path) == ()
    with TraceWriter(path) as writer:
        writer.put_story(step.to_json() for step in STEPS)
    assert told(path) == STEPS


def test_a_story_survives_a_repair_and_a_file(path: Path, tmp_path: Path) -> None:
    with TraceWriter(path) as writer:
        writer.put_story(step.to_json() for step in STEPS)
    repair(path, tmp_path / "repaired.mnemo")
    assert told(tmp_path / "repaired.mnemo") == STEPS
    steps = (*STEPS, Step("重要 ✓"))
    to_file(tmp_path / "story.json", steps, "ü.mnemo")
    assert from_file(tmp_path / "story.json") == steps
    text = (tmp_path / "story.json").read_text("utf-8")
    assert "重要 ✓" in text and json.loads(text)["run"] == "ü.mnemo" and text.endswith("}\n")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("{", "Expecting property name"),
        ("[]", "a step is an object, not list"),
        ('{"turn": "seven"}', "turn is a number"),
        ('{"turn": 1e300}', "turn is a number"),
        ('{"name": 7}', "name is text"),
        ('{"tabs": ["why"]}', "tabs are two names of panels"),
        ('{"lanes": [1]}', "lanes are names in a list"),
        ('{"pinned": 1}', "pinned is true or false"),
        ('{"first": NaN}', "first is out of bounds"),
        ('{"turn": 9007199254740992}', "turn is out of bounds"),
    ],
)
def test_a_damaged_step_is_named_in_one_line(path: Path, tmp_path: Path, payload: str, words: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO story VALUES (0, ?)", (payload,))
        connection.commit()
    with pytest.raises(TraceError, match=rf"step 1 of its story is damaged \({words}") as error:
        told(path)
    assert "\n" not in str(error.value)
    whole = f'{{"format": "mnemoscope-story", "version": 1, "steps": [{payload}]}}'
    (tmp_path / "story.json").write_text(whole)
    with pytest.raises(MnemoscopeError, match=r"story\.json: cannot be read as a story"):
        from_file(tmp_path / "story.json")


NONE = [
    ("", "cannot be read as a story (Expecting value.*) - choose a file that Story → Export has written"),
    ("[]", "not a story - choose a file that Story → Export has written"),
    ('{"format": "other", "steps": []}', "not a story - choose a file that Story → Export has written"),
    ('{"format": "mnemoscope-story", "steps": {}}', "not a story - choose a file that Story → Export has written"),
    ('{"format": "mnemoscope-story", "version": 2, "steps": []}', "a story of a newer version - update this program"),
    (json.dumps({"format": "mnemoscope-story", "version": 1, "steps": [{}] * (MOST + 1)}),
     f"more than {MOST} steps - split the story"),
    (" " * ((8 << 20) + 1), "larger than 8 MiB, no story - choose a file that Story → Export has written"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), NONE)
def test_what_is_no_story_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "story.json").write_text(text)
    said = re.escape(f"story.json: {words}").replace(r"\.\*", ".*")
    with pytest.raises(MnemoscopeError, match=f"^{said}$"):
        from_file(tmp_path / "story.json")


def test_as_many_steps_as_there_may_be(tmp_path: Path) -> None:
    many = {"format": "mnemoscope-story", "version": 1, "steps": [{"turn": n} for n in range(MOST)]}
    (tmp_path / "story.json").write_text(json.dumps(many))
    assert [step.turn for step in from_file(tmp_path / "story.json")] == list(range(MOST))


def test_texts_are_bounded(path: Path) -> None:
    step = Step.from_json({"name": "n" * 10_000, "note": "m" * 100_000, "unknown": 1})
    assert len(step.name) == 200
    assert len(step.note) == 4000
