"""What a sweep has to do, and what of it has been done.

A *cell* is one lane on one session with one model, one combination of settings and one seed. Its key is a hash of all
that decides its result: the session, the lane and its code, the model's file, embedder, prompts, settings, seed and
versions. A *task* is the cells of one session that are run together; a finished task is a run file that holds their
keys, so that no cell is ever done again, whatever else the sweep's file says by then.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from workbench.cache.registry import policy as cache_policy
from workbench.discreet import place_name
from workbench.engine.config import RunConfig
from workbench.engine.run import fingerprint, read_sessions, versions
from workbench.errors import MnemoscopeError, UsageError
from workbench.lanes import LaneSpec
from workbench.llm.gguf_file import sha256
from workbench.llm.open import find_embedder, find_language_model
from workbench.llm.server import is_address
from workbench.memory.prompt_sets import chosen
from workbench.memory.registry import strategy
from workbench.plugins import fingerprint as code_hash
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.sweep.config import Sweep

APART = frozenset(
    {"sessions", "lanes", "model", "embedder", "seed", "prompts", "out", "threads", "only", "read", "chroma"}
)
"""Of a run's settings those that decide no result, or have a part of their own in a key."""
_FORMAT = 1  # of keys; another one does everything again


@dataclass(frozen=True, slots=True)
class Weights:
    """A model or an embedder: its name or address as given, its file, and what identifies it (SHA-256 or address)."""

    name: str
    file: Path | None
    digest: str


@dataclass(frozen=True, eq=False)
class Variant:
    """What every session and lane is run with: a model, a combination of settings, a seed. One merged run file.

    Attributes:
        config: the whole variant as one run.
        settings: those that differ between the sweep's variants.
        digest: hash of what it decides of a result.
    """

    name: str
    config: RunConfig
    model: Weights
    embedder: Weights
    settings: Mapping[str, Any]
    digest: str

    @property
    def system(self) -> str:
        """What of it tells systems apart; seeds are repeats of one system."""
        parts = [place_name(self.config.model), *(f"{key}={_word(value)}" for key, value in self.settings.items())]
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Source:
    """A session, its hash, and the name of the file it came from."""

    session: Session
    digest: str
    file: str


@dataclass(frozen=True, slots=True)
class Task:
    """Cells of one session and variant that are run together.

    Attributes:
        lanes: SPECs as the sweep gives them.
        cells: key by the lane's name.
    """

    source: Source
    variant: Variant
    lanes: tuple[str, ...]
    cells: Mapping[str, str]
    key: str

    @property
    def config(self) -> RunConfig:
        """The task as a run; ``sessions`` only says what the file is called."""
        return replace(self.variant.config, sessions=(Path(self.source.file),), lanes=self.lanes, only=())

    def __str__(self) -> str:
        return f"{self.source.session.name}, {' '.join(self.cells)}, {self.variant.name}"


@dataclass
class Plan:
    """Everything that a sweep asks for.

    Attributes:
        remarks: of the session files.
    """

    sweep: Sweep
    sources: tuple[Source, ...]
    variants: tuple[Variant, ...]
    specs: tuple[LaneSpec, ...]
    remarks: tuple[str, ...] = ()
    _codes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def lanes(self) -> dict[str, str]:
        """By lane's name its SPEC, in the sweep's order."""
        return {spec.name: given for spec, given in zip(self.specs, self.sweep.lanes, strict=True)}

    @cached_property
    def _lane_digests(self) -> dict[str, str]:
        return {spec.name: _lane_digest(spec) for spec in self.specs}

    def key(self, source: Source, variant: Variant, lane: str) -> str:
        """The key of a cell."""
        return fingerprint([_FORMAT, source.digest, self._lane_digests[lane], variant.digest])

    def cells(self) -> Iterator[tuple[Source, Variant, dict[str, str]]]:
        """By session and variant the key of every lane. Variant by variant, so that a model is loaded once."""
        for variant in self.variants:
            for source in self.sources:
                yield source, variant, {lane: self.key(source, variant, lane) for lane in self.lanes}

    def tasks(self, done: Iterable[str] = ()) -> list[Task]:
        """What is left to do when the cells of these keys are done."""
        known, found = set(done), []
        for source, variant, keys in self.cells():
            missing = [lane for lane, key in keys.items() if key not in known]
            size = self.sweep.lanes_per_task
            for group in (missing[at : at + size] for at in range(0, len(missing), size)):
                cells = {lane: keys[lane] for lane in group}
                specs = tuple(self.lanes[lane] for lane in group)
                found.append(Task(source, variant, specs, cells, fingerprint(sorted(cells.values()))[:32]))
        return found


def plan(sweep: Sweep) -> Plan:
    """Read the sessions and find the models. Raises ``MnemoscopeError`` for what a person can mend."""
    sources, remarks = _sources(sweep)
    specs = tuple(LaneSpec.parse(lane) for lane in sweep.lanes)
    _fitting(sweep, specs)
    return Plan(sweep, sources, tuple(_variants(sweep)), specs, remarks)


def _fitting(sweep: Sweep, specs: Sequence[LaneSpec]) -> None:
    """Raise ``UsageError`` for lanes and settings that no run takes together."""
    for spec in specs:
        if spec.policy() is not None and any(settings["reader"] != "model" for settings in sweep.settings):
            raise UsageError(f"lane {spec.name!r}: a rule has no cache", "leave reader out, or the cache policy")


def _sources(sweep: Sweep) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Every session once, under distinct names."""
    seen: dict[str, Path] = {}
    sessions: list[Session] = []
    files: list[str] = []
    remarks = []
    for file in sweep.files:
        for session in read_sessions([file], dict(sweep.read)):
            if sweep.only and session.name not in sweep.only:
                continue
            digest = fingerprint(session.to_json())
            if digest in seen:
                remarks.append(f"{file}: {session.name} is also in {seen[digest]}; it is done once")
                continue
            seen[digest] = file
            sessions.append(session)
            files.append(file.name)
    if unknown := set(sweep.only).difference(s.name for s in sessions):
        raise UsageError(f"{sweep.path}: only: no session {min(unknown)!r}", "check the name")
    named = formats.distinct(sessions)
    found = (Source(s, fingerprint(s.to_json()), file) for s, file in zip(named, files, strict=True))
    return tuple(found), tuple(remarks)


def _variants(sweep: Sweep) -> Iterator[Variant]:
    made_with = versions()
    for model in sweep.models:
        weights = language_weights(model)
        for settings in sweep.settings:
            embedder = embedding_weights(settings["embedder"])
            prompts = chosen(settings["prompts"], model == "demo")
            own = {key: settings[key] for key in sweep.varied}
            for seed in sweep.seeds:
                config = sweep.run(model, settings, seed)
                config.check()
                decides = {"settings": _settings(config), "seed": seed, "versions": made_with}
                decides |= {"model": weights.digest, "embedder": embedder.digest}
                decides |= {"prompts": [prompts.name, prompts.digest]}
                name = _file_name([place_name(model), *(f"{k}={_word(v)}" for k, v in own.items()), f"seed{seed}"])
                yield Variant(name, config, weights, embedder, own, fingerprint(decides))


def _settings(config: RunConfig) -> dict[str, Any]:
    """What of a run's settings decides results and is not as usual: a setting that is new one day changes no key."""
    own = ((f.name, getattr(config, f.name), f.default) for f in fields(config) if f.name not in APART)
    return {name: value for name, value, usual in own if value != usual}


def language_weights(name: str) -> Weights:
    """A model by its name, path or address."""
    if is_address(name):
        return Weights(name, None, name)
    file = find_language_model(name)
    return Weights(name, file, sha256(file))


def embedding_weights(name: str) -> Weights:
    """An embedder by its name, path or address; ``hash`` has no file."""
    file = None if is_address(name) else find_embedder(name)[0]
    return Weights(name, file, sha256(file) if file else name)


def _lane_digest(spec: LaneSpec) -> str:
    """Hash of a lane's name, all its parameters, and its code where that is not of this program."""
    policy = spec.policy()
    params = [spec.strategy().parameters(), policy.parameters() if policy else {}]
    classes = [strategy(spec.memory), *([cache_policy(spec.cache)] if policy else [])]
    outside = [_source(cls) for cls in classes if not cls.__module__.startswith("workbench.")]
    return fingerprint([spec.name, params, spec.code, outside])


def _source(cls: type) -> str:
    """SHA-256 of the file that a class from another package stands in."""
    try:
        return code_hash(f"{inspect.getsourcefile(cls)}:{cls.__name__}")
    except (TypeError, OSError) as error:
        raise MnemoscopeError(
            f"the source of {cls.__name__} cannot be read ({error})", "give it by its path"
        ) from error


def _word(value: Any) -> str:
    return place_name(str(value)) if isinstance(value, str) else str(value)


def _file_name(parts: Sequence[str]) -> str:
    """A file's name without ending; what no file system may mind is left."""
    whole = "-".join(parts)
    plain = re.sub(r"[^\w.=+-]+", "_", whole).strip("._") or "run"
    return plain if len(plain) <= 120 else f"{plain[:100]}-{fingerprint(whole)[:12]}"
