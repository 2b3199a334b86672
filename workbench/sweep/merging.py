"""The finished tasks of a variant as one run file, as if one run had made them: window and commands open it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.discreet import place_name
from workbench.engine.run import fingerprint, identity
from workbench.lanes import LaneSpec
from workbench.sweep.store import META, Found, Store, meta
from workbench.sweep.tasks import Plan, Source, Variant
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.whereabouts import remember, remember_code


def merged(
    plan: Plan, store: Store, done: Mapping[str, Found], step: Callable[[], None] = lambda: None
) -> dict[str, Path]:
    """The merged run of every variant that has results, by its name; made anew where its tasks have changed.

    A merged run that somebody has added to (branches, verdicts, remarks) is kept under another name.

    Args:
        done: finished cells by key.
        step: called with every task's file that has been taken in.
    """
    found: dict[str, Path] = {}
    for variant in plan.variants:
        parts = list(_parts(plan, variant, done))
        if parts:
            found[variant.name] = store.folder / f"{variant.name}.mnemo"
            _merge(variant, plan.specs, parts, found[variant.name], store.remarks, step)
    return found


@dataclass(frozen=True, slots=True)
class _Part:
    """What there is of a session: which lanes lie in which file."""

    source: Source
    files: dict[Path, list[str]] = field(default_factory=dict)


def _parts(plan: Plan, variant: Variant, done: Mapping[str, Found]) -> Iterator[_Part]:
    for source in plan.sources:
        part = _Part(source)
        for lane in plan.lanes:
            cell = done.get(plan.key(source, variant, lane))
            if cell:
                part.files.setdefault(cell.file, []).append(cell.lane)
        if part.files:
            yield part


def _merge(
    variant: Variant,
    specs: Sequence[LaneSpec],
    parts: Sequence[_Part],
    out: Path,
    remarks: list[str],
    step: Callable[[], None],
) -> None:
    tasks = fingerprint([[p.source.digest, sorted((file.name, own) for file, own in p.files.items())] for p in parts])
    before = meta(out)
    if before.get("tasks") == tasks:
        return
    part = out.with_suffix(".part")
    for stale in out.parent.glob(f"{part.name}*"):
        stale.unlink()
    with TraceWriter(part) as writer:
        _Filling(writer, variant, specs, parts).fill(step)
        writer.set_meta(META, {"tasks": tasks, "last": writer.last_seq})
    if out.is_file() and _added_to(out, before):
        kept = _free(out)
        os.replace(out, kept)
        remarks.append(f"{out.name} held more than the sweep had put there: kept as {kept.name}")
    os.replace(part, out)


class _Filling:
    """A merged run while it is written."""

    def __init__(
        self, writer: TraceWriter, variant: Variant, specs: Sequence[LaneSpec], parts: Sequence[_Part]
    ) -> None:
        self._writer, self._variant, self._parts = writer, variant, parts
        where = {lane: file for part in parts for file, own in part.files.items() for lane in own}
        self._specs = [spec for spec in specs if spec.name in where]
        self._lanes = {spec.name: self._lane(spec.name, where[spec.name]) for spec in self._specs}
        self._seq, self._loaded = 0, list[Mapping[str, Any]]()

    def fill(self, step: Callable[[], None]) -> None:
        """Write everything."""
        self._describe()
        for part in self._parts:
            number = self._writer.add_session(part.source.session, part.source.digest)
            for file, own in part.files.items():
                with closing(TraceReader(file)) as reader:
                    self._take(reader, number, own)
                step()
        self._put([Event(0, 0, -1, len(self._loaded) + 1, Kind.RUN_FINISHED)])

    def _lane(self, name: str, file: Path) -> int:
        with closing(TraceReader(file)) as reader:
            row = next(row for row in reader.lanes() if row.name == name)
        return self._writer.add_lane(row.name, row.memory, row.cache, row.params)

    def _describe(self) -> None:
        """What the run is made of and known by, so that it can be made again, proved and branched."""
        config, sessions = self._variant.config, [part.source.session for part in self._parts]
        places = (config.model, config.embedder, config.prompts)
        model, embedder, prompts = map(place_name, places)
        named = replace(config, model=model, embedder=embedder, prompts=prompts)
        own = identity(named, self._specs, sessions)
        made = {"lanes": [spec.name for spec in self._specs], "read": {}, "only": []}
        files = list(dict.fromkeys(part.source.file for part in self._parts))
        self._writer.set_meta("config", config.to_json() | made | {"sessions": files, "out": self._writer.path.stem})
        self._writer.set_meta("identity", own)
        with closing(TraceReader(next(iter(self._parts[0].files)))) as first:
            self._writer.set_meta("model_sha256", first.meta("model_sha256"))
        remember(own, places)
        for spec in self._specs:
            remember_code(own, spec.outside)

    def _take(self, reader: TraceReader, number: int, own: Sequence[str]) -> None:
        """The lanes of a task's file, with what its engine said of itself where no other has said the same."""
        for event in reader.events(0, 0, (Kind.ENGINE_LOADED,)):
            if event.payload not in self._loaded:
                self._loaded.append(event.payload)
                self._put([replace(event, n=len(self._loaded))])
        self._writer.restore("blob", reader.query("SELECT hash, dtype, shape, codec, data FROM blob"))
        lanes = {row.id: self._lanes[row.name] for row in reader.lanes() if row.parent is None and row.name in own}
        events = (event for event in reader.events(1) if event.lane in lanes)
        self._put([replace(event, session=number, lane=lanes[event.lane]) for event in events])

    def _put(self, events: Sequence[Event]) -> None:
        self._writer.restore_events(replace(event, seq=self._seq + n) for n, event in enumerate(events, 1))
        self._seq += len(events)


def _added_to(path: Path, before: Mapping[str, Any]) -> bool:
    """Whether a merged run holds what merging did not write."""
    with closing(TraceReader(path)) as reader:
        tables = {name for (name,) in reader.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
        counted = [reader.query(f"SELECT count(*) FROM {t}")[0][0] for t in ("annotation", "verdict") if t in tables]
        return reader.last_seq() != before.get("last") or any(counted)


def _free(path: Path) -> Path:
    """A name beside it that nothing has."""
    number = 1
    while (kept := path.with_name(f"{path.stem}.kept{number}.mnemo")).exists():
        number += 1
    return kept
