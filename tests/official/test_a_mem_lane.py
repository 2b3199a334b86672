"""The lane on A-MEM's own package; what needs the package runs where it is installed, with ``A_MEM`` for a checkout."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from workbench import plugins
from workbench.errors import UsageError
from workbench.memory.base import MemoryStrategy
from workbench.sessions.model import Turn
from workbench.testing.minds import Lane, Mind, span_texts
from workbench.trace.events import OPERATIONS, Kind

LANE = Path(__file__).resolve().parents[2] / "official" / "a_mem_lane.py"
SOURCE = os.environ.get("A_MEM", "")
SAID = ("Mira lives in Oslo.", "Tomas likes green tea.", "Mira moved to Lima.")
TURNS = tuple(Turn(n, "user", text, "Mira", f"2025-03-0{n + 1}T10:00") for n, text in enumerate(SAID))


def lane_class() -> type[MemoryStrategy]:
    found: type[MemoryStrategy] = plugins.from_path(f"{LANE}:OfficialAMem", MemoryStrategy)
    return found


def answered(sections: Any) -> dict[str, Any]:
    """What a good model says of a content, and of a new note beside its neighbours: the first one's context changes."""
    prompt = "\n".join(line for lines in sections.values() for line in lines)
    if "nearest neighbors" not in prompt:
        return {"keywords": ["word"], "context": "said", "tags": ["talk"]}
    count = int(re.findall(r"number of neighbors is (\d+)", prompt)[0])
    return {
        "should_evolve": True,
        "actions": ["strengthen", "update_neighbor"],
        "suggested_connections": [],
        "tags_to_update": ["new"],
        "new_context_neighborhood": [f"beside {count}"] * count,
        "new_tags_neighborhood": [["old"]] * count,
    }


def mind() -> Mind:
    return Mind(answers={"a-mem": answered}, budget=20_000)


def test_it_is_loaded_without_the_package_and_a_wrong_folder_is_one_line(tmp_path: Path) -> None:
    cls = lane_class()
    assert (cls.name, cls().parameters()["k"]) == ("official-a-mem", 5)
    assert "cannot be branched" in cls.differs
    with pytest.raises(UsageError, match="agentic_memory"):
        Lane(cls(source=str(tmp_path)), mind()).observe(TURNS[0])


@pytest.mark.skipif(not SOURCE and find_spec("agentic_memory") is None, reason="A-MEM's package is not installed")
class TestWithThePackage:
    def lane(self, **more: Any) -> MemoryStrategy:
        return lane_class()(source=SOURCE, **more)

    def test_its_notes_become_items_and_what_it_changes_in_them_operations(self) -> None:
        lane = Lane(self.lane(), mind()).observe(*TURNS)
        notes = lane.state.active("note")
        assert [n.text for n in notes] == [f"{t.speaker}: {t.text}" if n.text.startswith("Mira:") else t.text
                                           for n, t in zip(notes, TURNS, strict=True)]  # fmt: skip
        assert notes[0].fields["context"] == "beside 2" and notes[0].fields["tags"] == ["old"]
        changes = [e for e in lane.events if e.kind == Kind.UPDATED]
        calls = {e.n for e in lane.events if e.kind == Kind.MODEL_CALLED}
        assert len(calls) == 2 and {e.cause for e in changes} <= calls

    def test_the_papers_note_construction_is_a_parameter(self) -> None:
        lane = Lane(self.lane(analyse=True), mind()).observe(TURNS[0])
        (note,) = lane.state.active("note")
        assert (note.fields["keywords"], note.fields["context"]) == (["word"], "said")

    def test_a_fresh_instance_goes_on_from_any_turn_and_asks_no_model_again(self) -> None:
        kept, fresh = Lane(self.lane(), mind()), Lane(lambda: self.lane(), mind())
        kept.observe(*TURNS)
        fresh.observe(*TURNS)
        operations = [
            [(e.kind, e.subject, e.payload) for e in lane.events if e.kind in OPERATIONS] for lane in (kept, fresh)
        ]
        assert operations[0] == operations[1] and len(fresh.mind.calls) == len(kept.mind.calls) == 2
        found = kept.ask("Where does Mira live now?")
        assert span_texts(fresh.ask("Where does Mira live now?")) == span_texts(found)
        assert [h.rank for h in found.hits] == [1, 2, 3]
        assert [h.score for h in found.hits] == sorted((h.score for h in found.hits), reverse=True)
