"""Branches: what if, at some turn, an item, a parameter, a prompt, a policy or the model had been another?

A branch is a lane of its own with a parent and a starting turn. It begins with a copy of all that the parent had done
by the end of that turn, takes the edits, and goes on from there; the parent's rows are never touched. Without an edit
it becomes its parent again, event by event. What was changed is on record as ``lane.branched``. A branch can be undone:
then its lane is gone, and every other row is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from workbench import whereabouts
from workbench.cache.base import CachePolicy
from workbench.cache.registry import DEFAULT, policies, policy
from workbench.discreet import place_name
from workbench.errors import UsageError
from workbench.lanes import LaneSpec
from workbench.memory.controls import CONTROLS
from workbench.memory.items import Item, MemoryState
from workbench.memory.log import MemoryLog
from workbench.memory.registry import strategies, strategy
from workbench.plugins import from_path, is_path
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind
from workbench.trace.reader import LaneRow, TraceReader
from workbench.trace.writer import TraceWriter

ITEMS = ("text", "add", "delete", "restore")
_PLACES = ("model", "prompts")  # settings that may be a path or an address
SETTINGS = ("prompts", "model", "temperature", "thinking", "reader", "seed")
REASON = "edited by hand"
CODE = "code"
"""The setting that says where classes are that were given by path; no run file holds it."""
_TYPE_IT = "name its file with --code path/to/file.py:Class"
FORMS = {
    "text": "text:ITEM=NEW TEXT",
    "add": "add:KIND=TEXT",
    "delete": "delete:ITEM",
    "restore": "restore:ITEM",
    "param": "param:KEY=VALUE",
    "cache": "cache:POLICY[:key=value,…]",
    "prompts": "prompts:plain|full|DIR",
    "model": "model:NAME|PATH",
    "temperature": "temperature:T",
    "thinking": "thinking:N",
    "reader": "reader:model|newest|nearest-label",
    "seed": "seed:N",
}
"""How every kind of edit is written."""
_NAMED = ("text", "add", "param")


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: what kind, of which item or parameter, and the new value."""

    kind: str
    name: str = ""
    value: str = ""

    @classmethod
    def parse(cls, given: str) -> Edit:
        """Read ``text:fact-3=Mira lives in Oslo.`` and the like. Raises ``UsageError`` that shows the forms."""
        kind, colon, rest = given.partition(":")
        if kind not in FORMS or not colon or not rest.strip():
            raise UsageError(f"edit {given!r} is none", f"one of: {'; '.join(FORMS.values())}")
        if kind in ("delete", "restore"):
            return cls(kind, rest.strip())
        if kind not in _NAMED:
            return cls(kind, "", rest.strip())
        name, equals, value = rest.partition("=")
        if not equals or not (name.strip() or kind == "add"):
            raise UsageError(f"edit {given!r} is none", f"write {FORMS[kind]}")
        return cls(kind, name.strip(), value)

    def __str__(self) -> str:
        name = f"{self.name}={self.value}" if self.kind in _NAMED else self.name or self.value
        return f"{self.kind}:{name}"


@dataclass(frozen=True, slots=True)
class Start:
    """Where a branch begins.

    Attributes:
        turn: the last turn that is as in the parent; probes after it are asked again.
        settings: of the run, changed by the edits.
    """

    session: int
    parent: LaneRow
    turn: int
    edits: tuple[Edit, ...]
    spec: LaneSpec
    settings: Mapping[str, Any]


def start(reader: TraceReader, session: int, lane: str, turn: int, edits: Sequence[Edit]) -> Start:
    """Check what is wanted, before anything is written.

    Raises:
        UsageError: no such lane, turn, item, parameter, policy.
    """
    rows = {row.name: row for row in reader.lanes()}
    if lane not in rows:
        raise UsageError(f"{reader.path}: no lane {lane!r}", f"it has: {', '.join(rows)}")
    parent, last = rows[lane], reader.last_turn(session, rows[lane].id)
    if not -1 <= turn <= last:
        raise UsageError(f"{reader.path}: {lane} has no turn {turn}", f"choose from -1 to {last}")
    items = {e.subject for e in reader.events(session, parent.id, (Kind.WRITTEN,), turns=(-1, turn))}
    for edit in edits:
        if edit.kind in ("text", "delete", "restore") and edit.name not in items:
            raise UsageError(f"edit {edit}: {lane} has no item {edit.name!r} at turn {turn}")
    settings = settings_of(reader, parent.id)
    spec = _spec(spec_of(parent, settings[CODE]), edits)
    return Start(session, parent, turn, tuple(edits), spec, settings | _changed(edits))


def spec_of(row: LaneRow, code: Mapping[str, str] | None = None) -> LaneSpec:
    """The SPEC of a lane of a run, branches included.

    Args:
        code: where the classes are that were given by path, by their names (``whereabouts.code``).

    Raises:
        UsageError: it was given by a path that is not known here.
    """
    places = code or {}
    own = {k: v for k, v in row.params.items() if not k.startswith("cache.")}
    of_cache = {k.removeprefix("cache."): v for k, v in row.params.items() if k.startswith("cache.")}
    memory, cache = places.get(row.memory, row.memory), places.get(row.cache, row.cache)
    if not (is_path(memory) or row.memory in (*strategies(), *CONTROLS)):
        raise UsageError(f"{row.name}: {row.memory} is none of this program's memories", _TYPE_IT)
    if not (is_path(cache) or row.cache in (*policies(), DEFAULT)):
        raise UsageError(f"{row.name}: {row.cache} is none of this program's cache policies", _TYPE_IT)
    return LaneSpec(memory, own, cache, of_cache)


def typed(reader: TraceReader, given: Sequence[str]) -> None:
    """Take in the classes of lanes that a person names by path for this run: from now on they are known here.

    Raises:
        UsageError: a class is no memory and no cache policy, or no lane of this run has its name.
    """
    known = {name for row in reader.lanes() for name in (row.memory, row.cache)}
    for path in given:
        name = _name_of(path)
        if name not in known:
            raise UsageError(f"{reader.path}: no lane has {name} ({path})", f"it has: {', '.join(sorted(known))}")
        whereabouts.remember_code(reader.meta("identity", ""), {name: path})


def _name_of(path: str) -> str:
    try:
        return strategy(path).name
    except UsageError:
        if not is_path(path) or not issubclass(from_path(path, object), CachePolicy):
            raise
    return policy(path).name


def settings_of(reader: TraceReader, lane: int) -> dict[str, Any]:
    """How a lane was run: the run's configuration, with what its branches changed."""
    settings: dict[str, Any] = reader.meta("config", {})
    parents = {row.id: row.parent for row in reader.lanes()}
    line: list[int] = []
    of = lane
    while lane in parents and lane not in line:
        line.append(lane)
        lane = parents[lane] or 0
    branched = {e.payload["lane"]: e.payload for e in reader.events(0, 0, (Kind.BRANCHED,))}
    for child in reversed(line):
        settings |= branched.get(child, {}).get("settings", {})
    identity = reader.meta("identity")
    names = {name for row in reader.lanes() if row.id == of for name in (row.memory, row.cache)}
    return whereabouts.resolved(identity, settings) | {CODE: whereabouts.code(identity, names)}


def _spec(spec: LaneSpec, edits: Sequence[Edit]) -> LaneSpec:
    for edit in edits:
        if edit.kind == "param":
            given = LaneSpec.parse(f"{spec.memory}:{edit.name}={edit.value}").memory_params
            spec = replace(spec, memory_params={**spec.memory_params, **given})
        elif edit.kind == "cache":
            other = LaneSpec.parse(f"{spec.memory}+{edit.value}")
            spec = replace(spec, cache=other.cache, cache_params=other.cache_params)
    spec.strategy(), spec.policy()
    return spec


def _changed(edits: Sequence[Edit]) -> dict[str, Any]:
    numbers = {"temperature": float, "thinking": int, "seed": int}
    changed: dict[str, Any] = {}
    for edit in edits:
        if edit.kind in SETTINGS:
            try:
                changed[edit.kind] = numbers.get(edit.kind, str)(edit.value)
            except ValueError as error:
                raise UsageError(f"edit {edit} is none", f"write {FORMS[edit.kind]}") from error
    return changed


def create(writer: TraceWriter, begin: Start) -> int:
    """Write the child: its row, what was changed, the copy of the parent up to the turn, and the edits of its items.

    Returns:
        The child's number in the file.
    """
    with writer.reader() as reader:
        number = _add(writer, reader, begin)
        copied = [replace(e, lane=number) for e in _before(reader, begin)]
        session = reader.session(begin.session)
    writer.append(copied)  # arrays are named by their hash: the child's events name the parent's
    writer.append(_edited(begin, number, copied, session))
    return number


def undo(path: Path, lane: str) -> str:
    """Take a branch out of its run file, with all that it did; the name of the lane that it came from.

    Raises:
        UsageError: no such lane, it is no branch, or other branches came from it.
        TraceError: the file cannot be written.
    """
    with closing(TraceReader(path)) as reader:
        rows = {row.name: row for row in reader.lanes()}
        branches = [row.name for row in rows.values() if row.parent is not None]
        if lane not in rows or rows[lane].parent is None:
            what = f"{lane} is no branch" if lane in rows else f"no lane {lane!r}"
            raise UsageError(f"{path}: {what}", f"branches: {', '.join(branches) or 'none'}")
        row = rows[lane]
        later = [other.name for other in rows.values() if other.parent == row.id]
        if later:
            raise UsageError(f"{path}: {', '.join(later)} came from {lane}", "undo what came from it first")
        told = [e.seq for e in reader.events(0, 0, (Kind.BRANCHED,)) if e.payload["lane"] == row.id]
        parent = next(other.name for other in rows.values() if other.id == row.parent)
    with TraceWriter(path) as writer:
        writer.remove_lane(row.id, told[-1] if told else 0)
    return parent


def _add(writer: TraceWriter, reader: TraceReader, begin: Start) -> int:
    names = {row.name for row in reader.lanes()}
    base = f"{begin.parent.name} @{begin.turn}"
    name = (
        base if base not in names else next(n for i in range(2, len(names) + 3) if (n := f"{base} #{i}") not in names)
    )
    spec, policy = begin.spec, begin.spec.policy()
    of_cache = policy.parameters() if policy is not None else {}
    params = spec.strategy().parameters() | {f"cache.{k}": v for k, v in of_cache.items()}
    number = writer.add_lane(name, spec.memory_name, spec.cache_name, params, begin.parent.id, begin.turn)
    changed = _changed(begin.edits)
    payload = {
        "lane": number,
        "parent": begin.parent.id,
        "session": begin.session,
        "turn": begin.turn,
        "edits": [asdict(e) | ({"value": place_name(e.value)} if e.kind in _PLACES else {}) for e in begin.edits],
        "settings": whereabouts.named(changed),
    }
    whereabouts.remember(reader.meta("identity", ""), [changed[key] for key in _PLACES if key in changed])
    n = reader.query("SELECT coalesce(max(n), 0) + 1 FROM event WHERE session = 0 AND lane = 0")[0][0]
    writer.append([Event(0, 0, -1, n, Kind.BRANCHED, "", 0, payload)])
    return number


def _before(reader: TraceReader, begin: Start) -> Iterator[Event]:
    """All that the parent did up to the end of the turn, without the probes that came after it."""
    for event in reader.events(begin.session, begin.parent.id):
        if event.turn > begin.turn or begin.turn < 0:
            return
        yield event
        if event.turn == begin.turn and event.kind in (Kind.TURN_CLOSED, Kind.LANE_FAILED):
            return


def _edited(begin: Start, lane: int, copied: Sequence[Event], session: Session) -> list[Event]:
    state, events = MemoryState(copied), list[Event]()
    n = max((e.n for e in copied), default=0)

    def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
        events.append(Event(begin.session, lane, begin.turn, n + len(events) + 1, kind, subject, cause, payload, ms))
        return events[-1]

    heard = session.turns[: begin.turn + 1]
    log = MemoryLog(emit, state, begin.turn, heard[-1].date if heard else "", whens=tuple(t.when for t in heard))
    for edit in begin.edits:
        if edit.kind in ITEMS:
            _edit(log, edit)
    return events


def _edit(log: MemoryLog, edit: Edit) -> None:
    match edit.kind:
        case "text":
            item = log.state[edit.name]
            index = item.index_text.replace(item.text, edit.value) if item.text else edit.value
            log.update(edit.name, text=edit.value, index_text=index, reason=REASON)
        case "add":
            like = pattern(log.state.active(*([edit.name] if edit.name else [])), log.turn)
            kind = edit.name or (like.kind if like else "note")
            fields = {k: filled(v, like.text, edit.value) for k, v in like.fields.items()} if like else {}
            index = edit.value if like is None or like.index_text else ""
            # A name of its own: methods that name items by their turn write the next one under the next number.
            log.write(edit.value, kind, index_text=index, id=unused(log.state, f"{kind}-by-hand"), **fields)
        case "delete":
            log.delete(edit.name, reason=REASON)
        case "restore":
            log.restore(edit.name, reason=REASON)


def unused(state: MemoryState, name: str) -> str:
    """The name, or with the first number behind it that no item has."""
    return name if name not in state else next(n for i in range(2, len(state) + 3) if (n := f"{name}-{i}") not in state)


def pattern(items: Sequence[Item], turn: int) -> Item | None:
    """The item that a new one from this turn is made after: the one from the nearest turn."""
    return min(items, key=lambda i: min((abs(turn - t) for t in i.turns), default=turn + 1), default=None)


def filled(value: Any, old: str, new: str) -> Any:
    """A field of the pattern for a new text: what repeats the old text, or is a text itself, says the new one."""
    if isinstance(value, str) and (len(value.split()) > 3 or (len(value) > 3 and value in old)):
        return new
    if isinstance(value, list) and value and all(isinstance(v, str) and v in old for v in value):
        return new.split()
    return value
