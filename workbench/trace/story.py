"""A story: named steps through a run, each a place to stand with what is shown there and a note (the table ``story``).

A step says where one stands in the run's own numbers and names: what is gone (a branch that was undone) is passed over
when it is played. As a file a story is JSON (``to_file``), and may be read into another run over the same session.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import MnemoscopeError, TraceError
from workbench.files import write_text
from workbench.trace.reader import TraceReader

MOST = 500
"""Steps that a story has at most."""
_NAME, _NOTE, _LARGEST = 200, 4000, 8 << 20  # characters; bytes of a file
_FORMAT = "mnemoscope-story"


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name, note: what a person calls it, and says of it.
        layout: of the window, with the panels in front of its two inspectors.
        zoom: steps of the type's size on top of the layout's.
        session, turn, event: where the cursor stands; ``event`` is 0 for the whole turn.
        lane: by its SPEC.
        item, probe, pinned, token, thread: what is selected; -1 for no token and no turn that is followed.
        first, last: turns that the timeline shows; both 0 for all.
        lanes: SPECs of the lanes on show, in order; empty for all as the run has them.
        spot: the panel that is lit while all else is dimmed, empty for none.
    """

    name: str = ""
    note: str = ""
    layout: str = ""
    tabs: tuple[str, str] = ("", "")
    zoom: int = 0
    session: int = 0
    turn: int = -1
    event: int = 0
    lane: str = ""
    item: str = ""
    probe: str = ""
    pinned: bool = False
    token: int = -1
    thread: int = -1
    first: float = 0.0
    last: float = 0.0
    lanes: tuple[str, ...] = ()
    spot: str = ""

    def but(self, **changes: Any) -> Step:
        """The step with some fields changed; name and note are cut at what a caption holds."""
        new = replace(self, **changes)
        return replace(new, name=new.name[:_NAME], note=new.note[:_NOTE])

    def to_json(self) -> dict[str, Any]:
        """The step as plain JSON."""
        return asdict(self) | {"tabs": list(self.tabs), "lanes": list(self.lanes)}

    @classmethod
    def from_json(cls, data: Any) -> Step:
        """The step in plain JSON; unknown fields are passed over. Raises ``ValueError`` for what is no step."""
        if not isinstance(data, dict):
            raise ValueError(f"a step is an object, not {type(data).__name__}")
        blank = cls()
        found: dict[str, Any] = {}
        for name in cls.__slots__:
            if name in data and name not in ("tabs", "lanes"):
                found[name] = _typed(name, data[name], getattr(blank, name))
        tabs, lanes = _names(data, "tabs", ["", ""]), _names(data, "lanes", [])
        if len(tabs) != 2:
            raise ValueError("tabs are two names of panels")
        return blank.but(**found, tabs=(tabs[0][:_NAME], tabs[1][:_NAME]), lanes=tuple(lanes))


def _names(data: dict[str, Any], name: str, usual: list[str]) -> list[str]:
    found = data.get(name, usual)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{name} are names in a list")
    return [one[:_NOTE] for one in found[:MOST]]


def _typed(name: str, value: Any, like: Any) -> Any:
    kind = type(like)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ValueError(f"{name} is {'text' if kind is str else 'a number' if kind is not bool else 'true or false'}")
    if kind in (int, float) and not -(2**53) < value < 2**53:  # as far as JSON's numbers go; no NaN either
        raise ValueError(f"{name} is out of bounds")
    return value[:_NOTE] if kind is str else value


def read_story(reader: TraceReader) -> tuple[Step, ...]:
    """The story of a run, in order; empty for a file of a version before there were any. Raises ``TraceError``."""
    if not reader.query("SELECT 1 FROM sqlite_master WHERE name = 'story'"):
        return ()
    rows = reader.query("SELECT payload FROM story ORDER BY place LIMIT ?", (MOST,))
    return tuple(_stored(reader.path, place, text) for place, (text,) in enumerate(rows))


def _stored(path: Path, place: int, text: Any) -> Step:
    try:
        return Step.from_json(json.loads(text))
    except (ValueError, TypeError, RecursionError) as error:
        remedy = "the run itself is readable; make the story anew, or `mnemoscope repair` leaves it out"
        raise TraceError(f"{path}: step {place + 1} of its story is damaged ({error})", remedy) from error


def to_file(path: Path, steps: Sequence[Step], run: str) -> None:
    """Write a story as JSON. Raises ``MnemoscopeError`` where it cannot be written."""
    whole = {"format": _FORMAT, "version": 1, "run": run, "steps": [step.to_json() for step in steps]}
    write_text(path, json.dumps(whole, ensure_ascii=False, indent=1) + "\n")


def from_file(path: Path) -> tuple[Step, ...]:
    """Read a story that ``to_file`` has written. Raises ``MnemoscopeError`` that says what is wrong with it."""
    remedy = "choose a file that Story → Export has written"
    try:
        if path.stat().st_size > _LARGEST:
            raise MnemoscopeError(f"{path.name}: larger than {_LARGEST >> 20} MiB, no story", remedy)
        data = json.loads(path.read_text("utf-8"))
        if not isinstance(data, dict) or data.get("format") != _FORMAT or not isinstance(data.get("steps"), list):
            raise MnemoscopeError(f"{path.name}: not a story", remedy)
        if data.get("version") != 1:
            raise MnemoscopeError(f"{path.name}: a story of a newer version", "update this program")
        if len(data["steps"]) > MOST:
            raise MnemoscopeError(f"{path.name}: more than {MOST} steps", "split the story")
        return tuple(Step.from_json(step) for step in data["steps"])
    except (OSError, ValueError, RecursionError) as error:
        raise MnemoscopeError(f"{path.name}: cannot be read as a story ({error})", remedy) from error
