"""Looking at an answer changes nothing, and what was not kept is there again when it is asked for."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from workbench import paths
from workbench.cli import main
from workbench.engine.config import RunConfig
from workbench.engine.explain import Models
from workbench.engine.retrace import retrace
from workbench.engine.reweaving import reweave
from workbench.engine.run import run
from workbench.errors import ModelError, TraceError
from workbench.llm.open import find_language_model
from workbench.projections.attention import Choice, attention_picture
from workbench.projections.hits import span_of
from workbench.projections.states import StatesView, states_view
from workbench.sessions.formats import read
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

ASKED, PARTS = 50, 25
CAPTURES = ("answers", "off")
POLICIES = ("full+snapkv:keep=0.3", "full+streaming-llm:keep=0.4")


def replay(folder: Path, capture: str, session: Path, model: str = "demo", lanes: tuple[str, ...] = ("bm25",)) -> Path:
    return run(
        RunConfig((session,), lanes, model, "hash", capture=capture, threads=1, out=folder / f"{capture}.mnemo")  # type: ignore[arg-type]
    )


def answers(path: Path) -> list[tuple[str, str, object]]:
    with TraceReader(path) as reader:
        names = {row.id: row.name for row in reader.lanes()}
        found = reader.events(kinds=[Kind.ANSWERED])
        return sorted((names[e.lane], e.subject, e.payload["tokens"]) for e in found)  # type: ignore[type-var]


def compare(tmp_path: Path, session: Path, model: str, lanes: tuple[str, ...], least: int) -> Path:
    """Runs with full capture, the summary and none; every token and its log-probability must be the same."""
    made = {capture: replay(tmp_path, capture, session, model, lanes) for capture in ("full", "answers", "off")}
    off = answers(made["off"])
    assert len(off) >= least
    assert answers(made["answers"]) == off and answers(made["full"]) == off
    sizes = {capture: path.stat().st_size for capture, path in made.items()}
    assert (sizes["answers"] - sizes["off"]) / len(off) < 100_000
    again(made["answers"], made["full"])
    return made["answers"]


def again(path: Path, full: Path) -> None:
    """Arrays computed again from a run with summaries are those of the run that kept them."""
    models = Models()
    with TraceReader(path) as reader, TraceReader(full) as kept:
        for event in list(reader.events(kinds=[Kind.SUMMED]))[:8]:
            key = asyncio.run(retrace(path, event.session, event.lane, event.subject, models, threads=1))
            array = SideArrays(path).get(key)
            captured = next(kept.events(event.session, event.lane, [Kind.CAPTURED], subject=event.subject)).payload
            assert array is not None and captured["bins"] is None
            assert np.array_equal(array[captured["layers"]], kept.array(captured["blob"]))
    models.close()


@pytest.mark.slow
def test_a_hundred_answers_are_the_same_whether_anyone_looks_or_not(tmp_path: Path) -> None:
    lanes = ("full", "window:turns=12", "window:turns=40", "bm25:k=3")
    compare(tmp_path, paths.sample_sessions() / "mixed-long.json", "demo", lanes, 100)


def test_the_answers_are_the_same_whether_anyone_looks_or_not(tmp_path: Path) -> None:
    session = paths.sample_sessions() / "accurate-retrieval.json"
    path = compare(tmp_path, session, "demo", ("full", "bm25:k=3", *POLICIES), 48)
    with TraceReader(path) as reader:
        event = next(iter(reader.events(kinds=[Kind.SUMMED])))
        where = (reader, event.session, event.lane, event.turn, event.subject)
        picture = attention_picture(*where, choice=Choice(layer=2, head=1))  # type: ignore[arg-type]
        assert picture is not None and not picture.missing and picture.view.weights.size  # type: ignore[union-attr]


def test_surprise_of_a_run_is_computed_once_and_equals_what_the_run_knew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = paths.sample_sessions() / "conflict-resolution.json"
    path = replay(tmp_path, "answers", session, lanes=("em-llm",))
    with TraceReader(path) as reader:
        answered = next(reader.events(kinds=[Kind.ANSWERED]))
        noted = [e for e in reader.events(kinds=[Kind.NOTED]) if e.payload["value"].get("boundaries")]
    assert main(["surprise", str(path), "--probe", answered.subject, "--threads", "1", "--json"]) == 0
    tokens = json.loads(capsys.readouterr().out)["tracks"][0]["tokens"]
    said = [(text, -logprob) for text, logprob in answered.payload["tokens"]]
    # The run's answer stands last, except for the token that ended it.
    assert [t["text"] for t in tokens[-len(said) :]] == [text for text, _ in said]
    assert [t["surprise"] for t in tokens[-len(said) :]] == pytest.approx([nats for _, nats in said], abs=2e-2)
    assert all(t["entropy"] >= 0 for t in tokens[1:]) and tokens[0]["surprise"] is None

    compare_states(path)
    turn = noted[-1].turn
    assert main(["surprise", str(path), "--turn", f"0,{turn}", "--threads", "1", "--json"]) == 0
    first, track = json.loads(capsys.readouterr().out)["tracks"]
    assert first["turn"] == 0 and [n for n, t in enumerate(track["tokens"]) if t["event"]]
    assert "".join(t["text"] for t in track["tokens"]) == "".join(noted[-1].payload["value"]["tokens"])

    monkeypatch.setattr(Models, "of", lambda *_, **__: pytest.fail("what lies beside the run is not computed again"))
    assert main(["surprise", str(path), "--turn", str(turn)]) == 0
    assert f"turn {turn}, mean surprise" in capsys.readouterr().out
    for wrong, message in ((["--turn", "999"], "no turn 999"), (["--probe", "zz"], "nothing was recorded")):
        assert main(["surprise", str(path), *wrong]) != 0
        assert message in capsys.readouterr().err


def compare_states(path: Path) -> None:
    """What a memory says is nearer to itself, where it was written, than to other tokens."""
    with TraceReader(path) as reader:
        packed = next(reader.events(kinds=[Kind.PACKED]))
        span = next(span_of(s) for s in packed.payload["spans"] if s["turns"])
        where = (packed.session, packed.lane, packed.subject, span.tokens)
        models = Models()
        asyncio.run(reweave(path, *where, models, threads=1))
        models.close()
        view = states_view(reader, *where)
        assert isinstance(view, StatesView) and view.shared > 2
        known = view.cosines[:, ~np.isnan(view.cosines[0])]
        assert (known <= 1.0001).all() and (known.mean(1) > view.others).all(), "a token is nearer to itself"


def test_an_answer_that_nothing_was_kept_of_cannot_be_shown(tmp_path: Path) -> None:
    path = replay(tmp_path, "off", paths.sample_sessions() / "conflict-resolution.json")
    with TraceReader(path) as reader:
        event = next(reader.events(kinds=[Kind.ANSWERED]))
    with pytest.raises(TraceError, match="nothing was recorded of the answer"):
        asyncio.run(retrace(path, event.session, event.lane, event.subject, Models()))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_on_a_real_model(tmp_path: Path, part: int) -> None:
    """SmolLM2-135M in natural English, where three of twenty answers used to differ: a hundred answers in parts, so
    that none runs into the time that a test has, and what was broken off goes on with ``-k real_model[7``."""
    try:
        model = find_language_model("smollm2-135m")
    except ModelError as error:
        pytest.skip(str(error))
    session = read(paths.sample_sessions() / "repair-cafe.json")[0]
    asked = session.probes[:ASKED]
    cut = tmp_path / "cafe.json"
    cut.write_text(json.dumps(replace(session, probes=asked[part::PARTS]).to_json(), ensure_ascii=False), "utf-8")
    made = {capture: replay(tmp_path, capture, cut, str(model), ("bm25:k=1", "bm25:k=2")) for capture in CAPTURES}
    off = answers(made["off"])
    assert len(off) == 2 * ASKED // PARTS
    assert answers(made["answers"]) == off
