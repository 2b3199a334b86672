"""Proofs on the bundled model: what flips an answer is named, and the trace is left alone."""

import hashlib
import json
from contextlib import closing
from pathlib import Path

import pytest

from workbench import cli
from workbench.engine import explain
from workbench.trace.reader import TraceReader
from workbench.why.counterfactuals import NOTHING
from workbench.why.verdict import CAUSES, LOST, UNEXPLAINED, Verdict


def events(path: Path) -> str:
    with TraceReader(path) as reader:
        return hashlib.sha256(repr(reader.query("SELECT * FROM event ORDER BY seq")).encode()).hexdigest()


def test_every_wrong_answer_has_a_cause_or_none_is_found(proved: list[Verdict]) -> None:
    assert len(proved) >= 10
    for verdict in proved:
        assert verdict.cause in (*CAUSES, UNEXPLAINED) and verdict.sentence
        assert (verdict.proof is not None and not verdict.proof.again.right) or verdict.cause == UNEXPLAINED
        assert verdict.confirmed is (verdict.cause != UNEXPLAINED), "confirmed only when the answer flips"
        tries = verdict.proof.tries if verdict.proof is not None else ()
        assert len({t.what for t in tries} - {NOTHING}) == len(tries), "what changes nothing is no try"
        if verdict.confirmed:
            assert verdict.proof is not None and verdict.proof.flip is not None and verdict.proof.flip.right
    assert sum(bool(v.confirmed) for v in proved) >= len(proved) / 2


def test_what_a_window_evicts_is_lost(proved: list[Verdict]) -> None:
    mine = [v for v in proved if v.name.startswith("window") and v.confirmed]
    lost = [v for v in mine if v.cause == LOST]
    assert len(lost) >= len(mine) / 2
    assert all(v.loss is not None and v.loss.kind == "item.evicted" and v.memtrace == "deletion" for v in lost)


def test_verdicts_are_kept_beside_the_events(sample: Path, proved: list[Verdict]) -> None:
    before = events(sample)
    assert explain.keep(sample, proved) == ""
    assert events(sample) == before
    with TraceReader(sample) as reader:
        assert explain.suspects(reader, explain.targets(reader)) == proved


def test_explain_says_it_all(sample: Path, proved: list[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    explain.keep(sample, proved)
    assert cli.main(["explain", str(sample), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["lane"], r["probe"], r["cause"]) for r in rows] == [(v.name, v.probe, v.cause) for v in proved]
    assert cli.main(["explain", str(sample)]) == 0
    assert "proved" in capsys.readouterr().out
    known = next(v for v in proved if v.confirmed)
    assert cli.main(["explain", str(sample), "--probe", known.probe, "--lane", known.name]) == 0
    assert "← flips it" in capsys.readouterr().out
    assert cli.main(["explain", str(sample), "--lane", "nobody"]) == 2
    assert "it has: window:turns=12" in capsys.readouterr().err


def test_a_right_answer_has_its_thread(sample: Path) -> None:
    with closing(TraceReader(sample)) as reader:
        right = next(e for e in reader.events(1, 2, ["probe.scored"]) if e.payload["correct"])
        (verdict,) = explain.suspects(reader, explain.targets(reader, None, "bm25:k=2", right.subject))
    assert (verdict.cause, verdict.confirmed) == ("", None)
    assert verdict.sentence.startswith("Right") and verdict.thread[-1].held
