"""The YAML file of a sweep: read, held against its schema and what there is, every fault in a line of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from workbench.engine.config import RunConfig
from workbench.errors import MnemoscopeError, UsageError
from workbench.lanes import LaneSpec, with_controls
from workbench.llm.base import Capturing
from workbench.llm.open import find_embedder, find_language_model
from workbench.llm.server import is_address, parse
from workbench.memory import shelf
from workbench.reading import Reader, Requests
from workbench.sessions.formats import sidecar

_MOST = 1 << 20  # characters of the file
_CODE = re.compile(r"(^|\+)([^+:]+\.py)(?=:[A-Za-z_])")  # the file of a lane that is given by path
SETTINGS = ("embedder", "capture", "reader", "context", "prompts", "temperature", "thinking", "requests")
"""What a run is made with beside its sessions, lanes, model and seed; ``grid`` may try several of each."""

Word = Annotated[str, Field(min_length=1, max_length=4096)]
Value = bool | int | float | str


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Lane(_Strict):
    """A SPEC, and parameters of which every value is tried (``cache.KEY``: the cache policy's)."""

    lane: Word
    grid: dict[Word, Annotated[list[Value], Field(min_length=1)]] = {}

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        return {"lane": given} if isinstance(given, str) else given

    def combinations(self) -> Iterator[dict[str, Value]]:
        """The parameters of every combination."""
        return (dict(zip(self.grid, values, strict=True)) for values in product(*self.grid.values()))


class Schema(_Strict):
    """The keys of the file, with their defaults."""

    sessions: Annotated[list[Word], Field(min_length=1)]
    lanes: Annotated[list[Lane], Field(min_length=1)]
    models: Annotated[list[Word], Field(min_length=1)] = ["demo"]
    seeds: Annotated[list[Annotated[int, Field(ge=0, lt=1 << 32)]], Field(min_length=1)] = [0]
    grid: dict[str, Annotated[list[Value], Field(min_length=1)]] = {}
    embedder: Word = "minilm"
    capture: Capturing = "off"
    reader: Reader = "model"
    context: Annotated[int, Field(ge=1, le=1 << 24)] | None = None
    prompts: str = ""
    temperature: Annotated[float, Field(ge=0, le=100)] = 0.0
    thinking: Annotated[int, Field(ge=0, le=1 << 20)] = 0
    requests: Requests = "separate"
    exact: bool = False
    controls: bool = False
    read: dict[str, str] = {}
    only: list[str] = []
    out: str = ""
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    retries: Annotated[int, Field(ge=0, le=100)] = 2
    lanes_per_task: Annotated[int, Field(ge=1)] | None = None
    gpus: Annotated[float, Field(ge=0, le=64)] = 0.0
    chroma: str = ""

    @field_validator("capture", mode="before")
    @classmethod
    def _off(cls, given: Any) -> Any:
        return "off" if given is False else given  # what YAML takes a plain `off` for


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as it will be done.

    Attributes:
        files: session files and runs, every one once, in the order of their patterns.
        lanes: SPECs; the files of those given by path are absolute.
        settings: every combination to try, ``{name: value}`` for all of :data:`SETTINGS`.
        varied: names of the settings that have several values.
        out: the folder of the results.
        lanes_per_task: how many lanes of a session are run together.
        gpus: of a node that a task takes; a part of one where several tasks share it.
    """

    path: Path
    files: tuple[Path, ...]
    lanes: tuple[str, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: tuple[Mapping[str, Any], ...]
    varied: tuple[str, ...]
    exact: bool
    read: tuple[tuple[str, str], ...]
    only: tuple[str, ...]
    out: Path
    threads: int
    retries: int
    lanes_per_task: int
    gpus: float
    chroma: str

    def run(self, model: str, settings: Mapping[str, Any], seed: int) -> RunConfig:
        """All sessions and lanes on one model with these settings, as one run."""
        return RunConfig(
            self.files,
            self.lanes,
            model,
            seed=seed,
            exact=self.exact,
            threads=self.threads,
            only=self.only,
            read=self.read,
            chroma=self.chroma,
            **settings,
        )


class Faults(UsageError):
    """What is wrong with the file, a line for each."""

    def __init__(self, path: Path, lines: Sequence[str]) -> None:
        self.lines = [f"{path}: {line}" for line in lines]
        if len(lines) == 1:
            super().__init__(self.lines[0], "see docs/sweeps.md")
        else:
            super().__init__(f"{path}: {len(lines)} faults", "mend the lines above; see docs/sweeps.md")


def read(path: Path) -> Sweep:
    """Read the file.

    Raises:
        Faults: all that is wrong with it, each with its line and key and what to do.
    """
    data, lines = _load(path)
    try:
        schema = Schema.model_validate(data)
    except ValidationError as error:
        told = [_told(fault["loc"], _message(dict(fault)), lines) for fault in error.errors(include_url=False)]
        raise Faults(path, list(dict.fromkeys(told))) from error
    return _Checking(path, schema, lines).done()


# The file -------------------------------------------------------------------------------------------------------------

_Lines = dict[tuple[Any, ...], int]


def _load(path: Path) -> tuple[Any, _Lines]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})", "check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no text in UTF-8", "write a YAML file, see docs/sweeps.md") from error
    if len(text) > _MOST:
        raise UsageError(f"{path}: has {len(text):,} characters", "a sweep's file is a page long; see docs/sweeps.md")
    lines: _Lines = {}
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1
                raise Faults(path, [f"line {line}: names another part of the file (*) - write it out"])
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = list(_walk(root, (), lines)) if root is not None else []
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Faults(path, [_yaml(error)]) from error
    if twice:
        raise Faults(path, twice)
    if not isinstance(data, dict):
        raise Faults(path, ["holds no keys - write sessions: and lanes:"])
    return data, lines


def _yaml(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return f"{where}is no YAML ({getattr(error, 'problem', None) or ' '.join(str(error).split())[:200]})"


def _walk(node: yaml.Node, at: tuple[Any, ...], lines: _Lines) -> Iterator[str]:
    """Write down the line of every key and entry; what is wrong with keys."""
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                yield f"line {key.start_mark.line + 1}: {name} is there twice - leave one out"
            seen.add(name)
            yield from _walk(value, (*at, name), lines)
            lines[*at, name] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*at, number), lines)


def _told(at: Sequence[Any], message: str, lines: _Lines) -> str:
    """A fault with its line and key."""
    known = next(tuple(at[:n]) for n in range(len(at), -1, -1) if tuple(at[:n]) in lines or n == 0)
    name = ""
    for part in known:
        name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else str(part)
    where = f"line {lines[known]}: {name}: " if known else ""
    return f"{where}{message}"


def _message(fault: dict[str, Any]) -> str:
    kind, at, context = fault["type"], fault["loc"], fault.get("ctx", {})
    if kind == "missing":
        return f"{at[-1]} is missing - say which {at[-1]}"
    if kind == "extra_forbidden":
        fields = Lane.model_fields if at[0] == "lanes" and len(at) > 2 else Schema.model_fields
        return f"no such key - there are: {', '.join(fields)}"
    if kind == "literal_error":
        return f"is {fault['input']!r} - write {context['expected']}"
    return f"{_short(fault['input'])} - {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _short(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}…"


# What the file names --------------------------------------------------------------------------------------------------


def is_session(path: Path) -> bool:
    """Whether a file that a pattern found is meant: the probes that lie beside a session file are not."""
    return path.is_file() and not path.name.endswith(sidecar.SUFFIX)


class _Checking:
    """Holds what the file says against what there is; paths are taken from the file's own folder."""

    def __init__(self, path: Path, schema: Schema, lines: _Lines) -> None:
        self.path, self.schema, self.lines = path, schema, lines
        self.folder = path.absolute().parent
        self.faults: list[str] = []

    def done(self) -> Sweep:
        """The sweep. Raises ``Faults``."""
        schema = self.schema
        files, lanes = self._files(), self._lanes()
        models = [self._model(("models", n), name) for n, name in enumerate(schema.models)]
        for key, values in (("models", models), ("seeds", schema.seeds)):
            self._once(key, values)
        settings = self._settings()
        self._chroma()
        if self.faults:
            raise Faults(self.path, list(dict.fromkeys(self.faults)))
        return Sweep(
            self.path,
            files,
            lanes,
            tuple(models),
            tuple(schema.seeds),
            settings,
            tuple(key for key, values in schema.grid.items() if len(values) > 1),
            schema.exact,
            tuple(schema.read.items()),
            tuple(schema.only),
            self._place(schema.out) if schema.out else self.folder / f"{self.path.stem}-runs",
            schema.threads,
            schema.retries,
            schema.lanes_per_task or len(lanes),
            schema.gpus,
            schema.chroma,
        )

    def _fault(self, at: Sequence[Any], message: str) -> None:
        self.faults.append(_told(at, message, self.lines))

    def _place(self, name: str) -> Path:
        return self.folder / Path(name).expanduser()

    def _files(self) -> tuple[Path, ...]:
        found: dict[Path, None] = {}
        for number, pattern in enumerate(self.schema.sessions):
            whole = self._place(pattern)  # a name that is there is no pattern, whatever characters it has
            names = [pattern] if whole.is_file() else sorted(glob(pattern, root_dir=self.folder, recursive=True))
            files = [self._place(name) for name in names if is_session(self._place(name))]
            if not files:
                self._fault(("sessions", number), f"no file is called {pattern} in {self.folder} - check the name")
            found |= dict.fromkeys(files)
        return tuple(found)

    def _lanes(self) -> tuple[str, ...]:
        found: dict[str, str] = {}
        for number, lane in enumerate(self.schema.lanes):
            for params in lane.combinations():
                try:
                    spec = _CODE.sub(lambda m: m[1] + str(self._place(m[2])), _with(lane.lane, params))
                    name = LaneSpec.parse(spec).name
                except MnemoscopeError as error:
                    self._fault(("lanes", number), str(error))
                    continue
                if name in found:
                    self._fault(("lanes", number), f"lane {name!r} is named twice - leave one out")
                found[name] = spec
        if self.schema.controls and not self.faults:
            return with_controls(list(found.values()))
        return tuple(found.values())

    def _model(self, at: tuple[Any, ...], name: str) -> str:
        """The model as the engine finds it: a path of the sweep's folder, or a name as it is."""
        try:
            if is_address(name):
                parse(name)
                return name
            beside = self._place(name)
            given = str(beside) if beside.is_file() else name
            find_language_model(given)
            return given
        except MnemoscopeError as error:
            self._fault(at, str(error))
            return name

    def _embedder(self, at: tuple[Any, ...], name: str) -> str:
        try:
            if is_address(name):
                parse(name)
                return name
            beside = self._place(name)
            given = str(beside) if beside.is_file() else name
            if missing := find_embedder(given)[1]:
                raise missing
            return given
        except MnemoscopeError as error:
            self._fault(at, str(error))
            return name

    def _chroma(self) -> None:
        try:
            if self.schema.chroma:
                shelf.check(self.schema.chroma)
        except UsageError as error:
            self._fault(("chroma",), str(error))

    def _settings(self) -> tuple[Mapping[str, Any], ...]:
        """Every combination of the grid over the settings that are the same everywhere."""
        grid: dict[str, list[Any]] = {}
        for key, values in self.schema.grid.items():
            if key not in SETTINGS:
                self._fault(("grid", key), f"no setting {key!r} - there are: {', '.join(SETTINGS)}")
                continue
            grid[key] = [self._checked(("grid", key, n), key, value) for n, value in enumerate(values)]
            self._once(f"grid.{key}", grid[key], ("grid", key))
        same = {key: getattr(self.schema, key) for key in SETTINGS if key not in grid}
        same = {key: self._named((key,), key, value) for key, value in same.items()}
        return tuple(same | dict(zip(grid, values, strict=True)) for values in product(*grid.values()))

    def _checked(self, at: tuple[Any, ...], key: str, value: Any) -> Any:
        """A value of the grid, held against the schema of its key."""
        try:
            whole = {"sessions": ["x"], "lanes": ["full"], key: value}
            return self._named(at, key, getattr(Schema.model_validate(whole), key))
        except ValidationError as error:
            self._fault(at, _message(dict(error.errors(include_url=False)[0])))
            return value

    def _named(self, at: tuple[Any, ...], key: str, value: Any) -> Any:
        if key == "embedder":
            return self._embedder(at, value)
        if key == "prompts" and value not in ("", "plain", "full"):
            if not self._place(value).is_dir():
                self._fault(at, f"{value}: no folder of prompts - write plain, full or a folder")
            return str(self._place(value))
        return value

    def _once(self, key: str, values: Sequence[Any], at: Sequence[Any] = ()) -> None:
        twice = [value for number, value in enumerate(values) if value in values[:number]]
        if twice:
            self._fault(at or (key,), f"{twice[0]!r} is there twice - leave one out")


def _with(spec: str, params: Mapping[str, Value]) -> str:
    """A SPEC with further parameters: those of the cache policy are called ``cache.KEY``."""
    own = [f"{key}={_plain(value)}" for key, value in params.items() if not key.startswith("cache.")]
    of_cache = [f"{key[6:]}={_plain(value)}" for key, value in params.items() if key.startswith("cache.")]
    code = _CODE.match(spec)
    start = code.end() if code else 0
    memory, plus, cache = spec[start:].partition("+")
    memory = spec[:start] + memory
    if of_cache and not plus:
        raise UsageError(f"lane {spec!r} has no cache policy", "write memory+policy, or leave cache.… out of the grid")
    return _more(memory, own) + plus + _more(cache, of_cache)


def _more(half: str, pairs: Sequence[str]) -> str:
    if not pairs:
        return half
    code = re.match(r".+?\.py:[A-Za-z_]\w*", half)
    named = half[code.end() :] if code else half
    return half + ("," if ":" in named else ":") + ",".join(pairs)


def _plain(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
