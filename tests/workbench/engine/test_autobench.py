"""AutoBencher's search: it finds settings that are hard for the lanes and not for the reader."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.traces import session
from workbench import cli
from workbench.engine import autobench
from workbench.engine import run as engine
from workbench.engine.autobench import SALIENT, Search, novelty
from workbench.engine.config import RunConfig
from workbench.errors import UsageError
from workbench.sessions import Session, formats
from workbench.sessions.generators import rough
from workbench.sessions.generators.base import LEAST, GeneratorError


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())


def search(**values: Any) -> Search:
    config = RunConfig((), ("bm25:k=3", "window:turns=4"), reader="nearest-label", capture="off")
    return Search("many-shot", 400, config, rough, **values)


def test_the_search_finds_the_setting_that_is_hard() -> None:
    one = search()
    found = one.go(5)
    assert len({json.dumps([dict(c.settings), c.tokens]) for c in found}) == len(found) == 5
    assert [c.objective for c in found] == sorted((c.objective for c in found), reverse=True)
    best = found[0]
    assert best.oracle >= SALIENT
    assert best.difficulty == pytest.approx(1 - max(best.accuracies.values()))
    assert best.accuracies["bm25:k=3"] > best.accuracies["window:turns=4"]
    first = one.found[0]
    assert best.objective >= first.objective
    again = search().go(5)
    assert [c.to_json() for c in again] == [c.to_json() for c in found], "the same seed searches the same way"


def test_what_the_reader_cannot_answer_from_the_evidence_is_worth_nothing() -> None:
    config = RunConfig((), ("bm25", "window"), reader="nearest-label", capture="off")
    (only,) = Search("conflict-chains", 300, config, rough).go(1)
    assert (only.oracle, only.salient, only.objective) == (0.0, False, 0.0)


@pytest.mark.parametrize("nothing", ["cannot be made", "cannot be answered"])
def test_the_search_ends_when_there_is_nothing_near_that_was_not_tried(
    monkeypatch: pytest.MonkeyPatch, nothing: str
) -> None:
    def generate(name: str, tokens: int, seed: int, count: Any, **settings: Any) -> list[Session]:
        if nothing == "cannot be made":
            raise GeneratorError(nothing)
        plain = session(4, 2)
        return [replace(plain, probes=tuple(replace(p, abstain=True, gold=()) for p in plain.probes))]

    monkeypatch.setattr(autobench, "generate", generate)
    tried: list[tuple[int, int, str]] = []
    config = RunConfig((), ("bm25",), reader="nearest-label", capture="off")
    found = Search("sv-bench", LEAST, config, rough, step=lambda *told: tried.append(told))
    assert found.go(50) == [] == found.found
    assert {note for *_, note in tried} == {"mode=dialogue", "mode=streaming"}
    assert [(done, of) for done, of, _ in tried] == [(0, 50), (1, 50), (2, 50)], "both modes, and one as long again"


def test_novelty_is_high_where_the_lanes_change_places() -> None:
    before = [{"a": 0.9, "b": 0.5, "c": 0.1}]
    assert novelty({"a": 0.8, "b": 0.6, "c": 0.2}, before) == pytest.approx(0.0)
    assert novelty({"a": 0.1, "b": 0.5, "c": 0.9}, before) == pytest.approx(1.0)
    assert novelty({"a": 0.1, "b": 0.5}, []) == 0.5
    assert novelty({"a": 0.5, "b": 0.5}, [{"a": 0.1, "b": 0.2}]) == 0.5


def test_the_command_says_what_it_found_and_writes_the_best(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lanes = ("--lane", "bm25:k=3", "--lane", "window:turns=4", "--reader", "nearest-label", "--tokens", "400")
    out = tmp_path / "hard.json"
    assert cli.main(["autobench", "many-shot", *lanes, "--rounds", "2", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "objective" in said
    assert formats.read(out)[0].extra["generator"]["name"] == "many-shot"
    assert cli.main(["autobench", "many-shot", "--lane", "bm25"]) == 2
    assert cli.main(["autobench", "many-shot", *lanes, "--rounds", "0"]) == 2


def test_an_unknown_generator_is_named() -> None:
    with pytest.raises(UsageError, match="no generator 'x'"):
        Search("x", 400, RunConfig((), ()), rough)
