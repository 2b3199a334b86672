"""Runs on a server that goes away: nothing is lost, and the same command ends with what an undisturbed run has."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.gguf_models import Shape, write_model
from tests.support.runs import config, lane_events
from tests.support.servers import Babbler, babbling, free_port, llama_cpp_server
from workbench.engine.config import RunConfig
from workbench.engine.protocol import Progress
from workbench.engine.run import run
from workbench.errors import ModelError, Unavailable, UsageError
from workbench.llm.open import find_language_model
from workbench.sessions import formats
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

LANES = ("bm25", "mem0")


def test_a_server_that_dies_and_comes_back_costs_nothing(tmp_path: Path) -> None:
    with babbling(Babbler()) as server:
        whole = run(config(tmp_path, *LANES, model=f"{server.url}#babble", embedder="hash"))
        asked = len(server.asked)
    assert asked > 12
    port = server.port
    again = config(
        tmp_path, *LANES, model=f"{server.url}?patience=0#babble", embedder="hash", out=tmp_path / "cut.mnemo"
    )
    for only in (asked // 5, asked // 3):
        with babbling(Babbler(port=port, only=only)), pytest.raises(Unavailable, match="goes on from here"):
            run(again)
    faults = ["429", "nonsense", "", "drop", "empty", "500", "broken"]
    with babbling(Babbler(port=port, faults=faults)):
        patient = config(
            tmp_path, *LANES, model=f"{server.url}?patience=0#babble", embedder="hash", out=tmp_path / "cut.mnemo"
        )
        with pytest.raises(Unavailable):
            run(patient)  # no patience: the first stumble stops it, at a whole step
    with babbling(Babbler(port=port)):
        path = run(again)
    assert lane_events(path) == lane_events(whole)


def test_a_server_that_stumbles_is_ridden_out_within_the_run(tmp_path: Path) -> None:
    with babbling(Babbler()) as server:
        whole = run(config(tmp_path, *LANES, model=f"{server.url}#babble", embedder="hash"))
    with babbling(Babbler(faults=["429", "", "", "drop", "nonsense", "", "empty", "", "500"], port=server.port)):
        path = run(config(tmp_path, *LANES, model=f"{server.url}#babble", embedder="hash", out=tmp_path / "two.mnemo"))
    assert lane_events(path) == lane_events(whole)


def test_what_a_server_cannot_give_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with babbling(Babbler()) as server:
        lanes = config(tmp_path, "em-llm", model=f"{server.url}#babble", embedder="hash")
        with pytest.raises(UsageError, match=r"em-llm.*how probable words are"):
            run(lanes)
        path = run(config(tmp_path, "bm25", model=f"{server.url}#babble", embedder="hash"))
    with TraceReader(path) as reader:
        loaded = next(iter(reader.events(lane=0, kinds=("engine.loaded",)))).payload
        kinds = {event.kind for event in reader.events()}
    assert (loaded["capture"], loaded["surprise"], loaded["estimated"]) == (False, False, True)
    assert "attention.captured" not in kinds


def test_the_key_is_in_no_run_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNEMOSCOPE_API_KEY", "sk-very-secret")
    with babbling(Babbler()) as server:
        path = run(config(tmp_path, "bm25", model=f"{server.url}#babble", embedder="hash"))
        assert "Bearer sk-very-secret" in server.keys
    assert b"sk-very-secret" not in path.read_bytes()


@pytest.mark.parametrize("lanes", [("bm25", "full"), pytest.param(("bm25", "mem0"), marks=pytest.mark.slow)])
def test_the_server_of_llama_cpp_killed_in_the_middle(tmp_path: Path, lanes: tuple[str, ...]) -> None:
    """The real server on a small random model: whole, and killed after some steps and started again."""
    pytest.importorskip("fastapi", reason="the extra dev has the server's requirements")
    model, port, log = tmp_path / "random.gguf", free_port(), tmp_path / "server.log"
    write_model(model, Shape(layers=1, width=32, heads=2, kv_heads=1, inner=32, context=2048))
    address = f"http://127.0.0.1:{port}/v1?patience=0#smol"
    settings = {"n_ctx": 2048, "model_alias": "smol"}

    def runs(name: str) -> object:
        return config(tmp_path, *lanes, model=address, embedder="hash", out=tmp_path / name)

    with llama_cpp_server(model, port, log, **settings):
        whole = run(runs("whole.mnemo"))  # type: ignore[arg-type]
    gone = pytest.raises(Unavailable, match="cannot be reached")
    with llama_cpp_server(model, port, log, **settings) as process, gone:
        run(runs("cut.mnemo"), progress=_killing(process.kill))  # type: ignore[arg-type]
    with llama_cpp_server(model, port, log, **settings):
        path = run(runs("cut.mnemo"))  # type: ignore[arg-type]
    found, wanted = lane_events(path), lane_events(whole)
    assert {lane: len(events) for lane, events in found.items()} == {lane: len(e) for lane, e in wanted.items()}
    assert sum(map(len, wanted.values())) > 40  # turns and probes of both lanes


@pytest.mark.slow
def test_a_real_model_on_the_server_of_llama_cpp_gives_the_events_of_the_local_one(tmp_path: Path) -> None:
    """SmolLM2-135M on six turns of the natural sample: here, on a server, and on one that is killed in the middle."""
    pytest.importorskip("fastapi", reason="the extra dev has the server's requirements")
    try:
        model = find_language_model("smollm2-135m")
    except ModelError as missing:
        pytest.skip(str(missing))
    sample = formats.read(Path(__file__).resolve().parents[3] / "sample_sessions" / "repair-cafe.json")[0]
    asked = tuple(replace(probe, after=5, evidence=()) for probe in sample.probes[:2])
    few = replace(sample, turns=sample.turns[:6], probes=asked)
    file, port, log = tmp_path / "few.json", free_port(), tmp_path / "server.log"
    file.write_text(json.dumps(few.to_json()))
    settings = {"n_ctx": 4096, "model_alias": "smol"}
    lanes = ("full", "bm25", "mem0")

    def runs(name: str, at: str) -> RunConfig:
        return RunConfig((file,), lanes, model=at, embedder="hash", out=tmp_path / name, capture="off", context=4096,
                         threads=1, prompts="full")  # fmt: skip

    address = f"http://127.0.0.1:{port}/v1?patience=0#smol"
    local = run(runs("local.mnemo", str(model)))
    with llama_cpp_server(model, port, log, **settings):
        whole = run(runs("whole.mnemo", address))
    gone = pytest.raises(Unavailable, match="cannot be reached")
    with llama_cpp_server(model, port, log, **settings) as process, gone:
        run(runs("cut.mnemo", address), progress=_killing(process.kill))
    with llama_cpp_server(model, port, log, **settings):
        cut = run(runs("cut.mnemo", address))
    counts = {
        path: {lane: len(events) for (_, lane), events in lane_events(path).items()} for path in (local, whole, cut)
    }
    assert counts[cut] == counts[whole]
    for lane in ("full", "bm25"):
        assert counts[whole][lane] == counts[local][lane]  # what mem0 writes is the model's, under another sampler
    for path in (local, whole, cut):
        with TraceReader(path) as reader:
            kinds = [event.kind for event in reader.events() if event.lane]
        assert kinds.count(Kind.TURN_CLOSED) == 18 and kinds.count(Kind.SCORED) == 6
        assert Kind.LANE_FAILED not in kinds


def _killing(kill: Callable[[], None]) -> Callable[[Progress], None]:
    """Kills when half of the run is done."""
    dead = threading.Event()

    def step(progress: Progress) -> None:
        if progress.done >= progress.total // 2 and not dead.is_set():
            dead.set()
            kill()

    return step
