"""Several questions of one compressed cache: SCBench's multi-turn and multi-request modes, on the bundled model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import paths
from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.explain import Models, setting
from workbench.engine.protocol import Progress
from workbench.engine.run import run
from workbench.errors import Cancelled
from workbench.lanes import LaneSpec
from workbench.memory.items import MemoryState
from workbench.sessions.formats import read
from workbench.trace.events import FIXED, Event, Kind
from workbench.trace.reader import TraceReader
from workbench.why.asking import Scene
from workbench.why.case import case

LANES = ("full", "full+snapkv:keep=0.3,window_size=8", "bm25:k=2+snapkv:keep=0.5,window_size=8")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve turns, and four questions at the end."""
    whole = read(paths.sample_sessions() / "accurate-retrieval.json")[0]
    turns = whole.turns[:12]
    asked = [p for p in whole.probes if p.evidence and max(p.evidence) < 12][:4]
    assert len(asked) == 4
    path = tmp_path_factory.mktemp("sessions") / "short.json"
    short = replace(whole, turns=turns, probes=tuple(replace(p, after=11) for p in asked))
    path.write_text(json.dumps(short.to_json()), "utf-8")
    return path


class Ran:
    """The events of a run by lane and kind, in the order of the questions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with TraceReader(path) as reader:
            self.session = reader.session(1)
            names = {row.id: row.name for row in reader.lanes()}
            found: dict[tuple[str, str], list[Event]] = {}
            for event in reader.events():
                found.setdefault((names.get(event.lane, ""), event.kind), []).append(event)
            self._found = found
            self.kept = {e.seq: reader.array(e.payload["blobs"]["kept"]) for e in self._all(Kind.COMPRESSED)}

    def _all(self, kind: Kind) -> Iterator[Event]:
        return (e for (_, k), events in self._found.items() if k == kind for e in events)

    def of(self, lane: int, kind: Kind) -> list[Event]:
        return self._found.get((LANES[lane], kind), [])

    def payloads(self, lane: int, kind: Kind) -> list[dict[str, Any]]:
        return [e.payload for e in self.of(lane, kind)]


def ran(folder: Path, session: Path, requests: str, **more: Any) -> Ran:
    out = folder / f"{requests}.mnemo"
    config = RunConfig((session,), LANES, "demo", "hash", capture="off", threads=1, out=out, requests=requests, **more)  # type: ignore[arg-type]
    return Ran(run(config))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, session: Path) -> dict[str, Ran]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: ran(folder, session, name) for name in ("separate", "multi-request", "multi-turn", "multi-turn-own")}


@pytest.mark.parametrize("requests", ["multi-turn", "multi-turn-own"])
def test_a_conversation_is_compressed_once_and_what_was_said_stays(runs: dict[str, Ran], requests: str) -> None:
    found = runs[requests]
    asked = [probe.id for probe in found.session.probes]
    for lane in (0, 1):
        packed, said = found.payloads(lane, Kind.PACKED), found.payloads(lane, Kind.ANSWERED)
        assert "earlier" not in packed[0]
        for number, payload in enumerate(packed[1:], 1):
            assert [one["probe"] for one in payload["earlier"]] == asked[:number]
            stays = [probe.gold[0] for probe in found.session.probes]
            own = [one["text"] for one in said]
            expected = own if requests == "multi-turn-own" else stays
            assert [one["answer"] for one in payload["earlier"]] == expected[:number]
            kinds = [span["kind"] for span in payload["spans"]]
            assert kinds.count("earlier") == 2 * number and kinds[-1] == "question"
    compressed = found.payloads(1, Kind.COMPRESSED)
    assert [one["request"] for one in compressed] == [1, 2, 3, 4]
    assert {one["requests"] for one in compressed} == {requests} and len({one["read"] for one in compressed}) == 1
    kept = [found.kept[event.seq] for event in found.of(1, Kind.COMPRESSED)]
    assert all(np.array_equal(one, kept[0]) for one in kept)


def test_the_first_question_is_asked_as_ever(runs: dict[str, Ran]) -> None:
    for lane in range(3):
        for kind in (Kind.ANSWERED, Kind.COMPRESSED):
            first, other = (runs[name].payloads(lane, kind)[:1] for name in ("separate", "multi-turn"))
            same = [{k: v for k, v in one.items() if k not in ("requests", "request")} for one in other]
            assert same == first


def test_a_context_of_its_own_begins_a_conversation_of_its_own(runs: dict[str, Ran]) -> None:
    """Retrieval brings other spans to every question."""
    packed = runs["multi-turn"].payloads(2, Kind.PACKED)
    lines = [[span["text"] for span in one["spans"] if span["kind"] not in FIXED] for one in packed]
    for before, after, one in zip(lines, lines[1:], packed[1:], strict=False):
        assert ("earlier" in one) == (before == after)
    assert any("earlier" not in one for one in packed[1:])


def test_multi_request_compresses_before_any_question(runs: dict[str, Ran]) -> None:
    found = runs["multi-request"]
    compressed = found.of(1, Kind.COMPRESSED)
    assert {e.payload["when"] for e in compressed} == {"before-question"}
    assert {e.payload["request"] for e in compressed} == {1} and "earlier" not in found.payloads(1, Kind.PACKED)[3]
    kept = [found.kept[e.seq] for e in compressed]
    assert all(np.array_equal(one, kept[0]) for one in kept)
    with TraceReader(found.path) as reader:
        assert [row.params.get("cache.when") for row in reader.lanes()] == [None, *2 * ["before-question"]]
    assert [p["text"] for p in found.payloads(0, Kind.ANSWERED)] == [
        p["text"] for p in runs["separate"].payloads(0, Kind.ANSWERED)
    ]


def test_a_run_that_was_broken_off_goes_on_in_the_same_conversation(
    tmp_path: Path, session: Path, runs: dict[str, Ran]
) -> None:
    control = Control()

    def stop(progress: Progress) -> None:
        if progress.done > 3 * 12 + 5:  # within the second question
            control.cancel()

    out = tmp_path / "multi-turn-own.mnemo"
    config = RunConfig((session,), LANES, "demo", "hash", capture="off", threads=1, out=out, requests="multi-turn-own")
    with pytest.raises(Cancelled):
        run(config, progress=stop, control=control)
    with TraceReader(out) as reader:
        assert 0 < sum(1 for _ in reader.events(kinds=[Kind.SCORED])) < 12
    found, whole = Ran(run(config)), runs["multi-turn-own"]
    for lane in range(3):
        for kind in (Kind.PACKED, Kind.ANSWERED):
            assert found.payloads(lane, kind) == whole.payloads(lane, kind)


def test_what_if_asks_in_the_same_conversation(runs: dict[str, Ran]) -> None:
    """An answer again, from the trace alone, is the run's: token for token."""
    found, models = runs["multi-turn-own"], Models()
    with TraceReader(found.path) as reader:
        asked = found.session.probes[3]
        lane = next(row.id for row in reader.lanes() if row.name == LANES[1])
        backend = models.of(reader, reader.meta("config"), 1)
        one = case(reader, 1, lane, asked.id)
        scene = Scene(setting(reader.meta("config"), backend), one, LaneSpec.parse(LANES[1]), MemoryState())
        again = asyncio.run(scene.answer(scene.turns(range(12))))
    payload = one.events[Kind.ANSWERED].payload
    assert again.result is not None and again.text == payload["text"]
    assert [[t.text, round(t.logprob, 5)] for t in again.result.completion.tokens] == payload["tokens"]
    models.close()
