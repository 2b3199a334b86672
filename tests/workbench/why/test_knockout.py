"""Knock-out: what is masked changes the answer as if it were not there; bars, correlation, and the command."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import cli
from workbench.commands.knockout import numbers
from workbench.engine.control import Control
from workbench.engine.protocol import Answered, Knocked, KnockHeads, KnockOut, Progress
from workbench.engine.questions import Questions
from workbench.errors import Cancelled, UsageError
from workbench.projections.knocked import knock_grid, strongest
from workbench.trace.events import FIXED, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays
from workbench.why.knockout import rank_correlation


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_what_an_answer_hangs_on(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("knockout", sample, "--lane", "bm25:k=2", "--probe", "p1")
    code, out, _ = call(capsys, *where, "--span", "turn:9", "--json")
    made = json.loads(out)
    assert code == 0 and made["right"] and made["answer"] == "milk"
    assert len(made["bars"]) == 2 and {b["label"] for b in made["bars"]} == {"turn-4", "turn-9"}
    assert made["together"]["change"] > 1 and made["together"]["answer"] != "milk"
    gold = next(b for b in made["bars"] if b["turns"] == [9])
    assert gold["change"] == pytest.approx(made["together"]["change"], abs=1e-4)
    assert sum(b["attention"] for b in made["bars"]) == pytest.approx(1)
    code, out, _ = call(capsys, *where, "--span", "turn-9", "--layers", "0", "--heads", "0", "--json")
    one_head = json.loads(out)
    assert abs(one_head["together"]["change"]) < made["together"]["change"], "one head of one layer does less"
    code, out, _ = call(capsys, *where)
    assert code == 0 and "each span masked alone" in out


def test_the_window_gets_the_same_bars_and_can_stop_them(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "knockout", sample, "--lane", "bm25:k=2", "--probe", "p1", "--json")
    made = json.loads(out)
    questions, reports = Questions(), list[Any]()
    question = KnockOut(sample, 1, 2, "p1")
    questions.deal(question, reports.append, Control())
    (report,) = (r for r in reports if isinstance(r, Knocked))
    assert code == 0 and report.asked == question and isinstance(reports[-1], Answered)
    assert [asdict(b) | {"text": ""} for b in report.bars.bars] == [
        {k: tuple(v) if isinstance(v, list) else v for k, v in b.items()} | {"text": ""} for b in made["bars"]
    ]
    stopped = Control()
    stopped.cancel()
    with pytest.raises(Cancelled):
        questions.deal(question, reports.append, stopped)
    questions.close()


def test_the_window_masks_a_span_in_one_head(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("knockout", sample, "--lane", "bm25:k=2", "--probe", "p1", "--json")
    questions, reports = Questions(), list[Any]()
    for layers, heads, given in (
        (None, None, ()),
        ((1,), None, ("--layers", 1)),
        ((1,), (2,), ("--layers", 1, "--heads", 2)),
    ):
        code, out, _ = call(capsys, *where, "--span", "turn:9", *given)
        made = json.loads(out)
        place = next(b["place"] for b in made["bars"] if b["turns"] == [9])
        questions.deal(KnockOut(sample, 1, 2, "p1", (str(place),), layers, heads), reports.append, Control())
        report = [r for r in reports if isinstance(r, Knocked)][-1]
        assert code == 0 and report.bars.bars == () and report.bars.chosen == ("turn-9",)
        assert report.bars.together is not None and report.bars.answer == "milk"
        assert report.bars.together.change == pytest.approx(made["together"]["change"], abs=1e-4)
        assert report.bars.together.answer == made["together"]["answer"]
    questions.close()


def test_what_is_not_there_is_said_so(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("knockout", sample, "--lane", "bm25:k=2", "--probe", "p1")
    code, _, err = call(capsys, *where, "--span", "turn-40")
    assert code == 2 and "it has: 0 turn-4, 1 turn-9" in err
    code, _, err = call(capsys, *where, "--heads", "99", "--span", "0")
    assert code == 1 and "no head 99" in err


def test_numbers_of_layers() -> None:
    assert numbers("", "--layers") is None
    assert numbers("0,2,5-7,2", "--layers") == (0, 2, 5, 6, 7)
    with pytest.raises(UsageError, match="--layers"):
        numbers("a-b", "--layers")


def test_rank_correlation() -> None:
    assert rank_correlation([1, 2, 3], [10, 20, 40]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
    assert rank_correlation([1, 2], [1, 2]) is None


def test_a_span_is_masked_in_every_head_and_a_layer_that_is_there_is_not_done_again(
    sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("knockout", sample, "--lane", "bm25:k=2", "--probe", "p1", "--span", "turn:9")
    code, out, err = call(capsys, *where, "--by-head", "--json")
    made = json.loads(out)
    effects = np.array(made["effects"])
    assert code == 0, err
    assert made["masked"] == ["turn-9"] and made["answer"] == "milk" and np.isfinite(effects).all()
    assert np.abs(effects[:, -1]).max() > np.abs(effects[:, :-1]).max(), "a whole layer does more than a head"
    layer, head = divmod(int(np.abs(effects).argmax()), effects.shape[1])
    code, out, _ = call(capsys, *where, "--layers", layer, "--json")
    assert -json.loads(out)["together"]["change"] == pytest.approx(effects[layer, head], abs=1e-4)
    code, out, _ = call(capsys, *where, "--by-head")
    assert code == 0 and f"most: layer {layer}, all heads {effects[layer, head]:+.2g}" in out

    with TraceReader(sample) as reader:
        packed = next(reader.events(lane=2, kinds=[Kind.PACKED], subject="p1"))
        memory = [s for s in packed.payload["spans"] if s["kind"] not in FIXED]
        place = next(n for n, s in enumerate(memory) if s["turns"] == [9])
        grid = knock_grid(reader, 1, 2, "p1", (place,))
        assert grid is not None and grid.done and strongest(grid, 1)[0][:2] == (layer, head)
        broken = np.array(grid.effects, np.float32)
        broken[-1] = np.nan
        broken[0] = 7
        SideArrays(sample).put(grid.key, broken)
        assert not knock_grid(reader, 1, 2, "p1", (place,)).done  # type: ignore[union-attr]
        assert knock_grid(reader, 1, 2, "p1", (place, 99)) is None
    stopped, questions, reports = Control(), Questions(), list[Any]()
    asked = KnockHeads(sample, 1, 2, "p1", place)
    stopped.cancel()
    with pytest.raises(Cancelled):
        questions.deal(asked, reports.append, stopped)
    questions.deal(asked, reports.append, Control())
    questions.close()
    with TraceReader(sample) as reader:
        again = knock_grid(reader, 1, 2, "p1", (place,))
    assert again is not None and again.effects is not None
    assert (again.effects[0] == 7).all() and again.effects[1:] == pytest.approx(effects[1:], abs=1e-4)
    done = [r.done for r in reports if isinstance(r, Progress)]
    assert len(done) == effects.shape[1] and done[-1] == effects.size - 1
    for wrong, said in ((("--by-head", "--heads", "0"), "leave out"), (("--by-head", "--span", "zz"), "no span 'zz'")):
        code, _, err = call(capsys, *where, *wrong)
        assert code != 0 and said in err
