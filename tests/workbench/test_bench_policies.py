"""``bench policies``: every policy and budget once, on real cells of the bundled model; figure and rows agree."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from workbench import bench
from workbench.cli import main
from workbench.commands import policies
from workbench.errors import UsageError
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader

SETTINGS = {"probes": "2", "budgets": "0.25,1", "policies": "snapkv,quantized", "threads": "1"}


def test_the_figure_the_rows_and_the_run_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = SETTINGS | {"out": str(tmp_path / "out"), "tasks": "retrieval tasks"}
    command = ["bench", "policies", "--json", *(x for k, v in settings.items() for x in ("--set", f"{k}={v}"))]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)["policies"]
    task = found["tasks"]["retrieval tasks"]
    assert "4 questions" in task["title"] and 0 <= task["full"]["accuracy"] <= 1
    assert set(task["snapkv"]) == {"25%", "100%"} and set(task["quantized q8_0"]) == {"100%"}
    whole, quarter = task["snapkv"]["100%"], task["snapkv"]["25%"]
    assert whole["kl"] < 1e-6 and whole["evidence"] == whole["share"] == 1
    assert whole["accuracy"] == task["full"]["accuracy"]
    assert quarter["share"] == pytest.approx(0.25, abs=0.02) and quarter["evidence"] < 1 and quarter["kl"] > whole["kl"]
    assert quarter["badge"].startswith("EMULATED per head")
    assert 0.5 < task["quantized q8_0"]["100%"]["modelled"] < 0.6
    svg, table, plain = map(Path, found["files"])
    texts = [node.text or "" for node in ET.fromstring(svg.read_text("utf-8")).iter() if node.tag.endswith("text")]
    assert {"snapkv", "quantized q4_0", "evidence kept", "25%", "per head"} <= set(texts)
    rows = list(csv.DictReader(io.StringIO(table.read_text("utf-8"))))
    assert len(rows) == 4 and float(rows[0]["share"]) == quarter["share"]
    assert json.loads(plain.read_text("utf-8")) == found
    # Asked again, it measures nothing again: the run file holds it.
    before = (tmp_path / "out" / "retrieval-tasks.mnemo").stat().st_size
    assert bench.measure("policies", settings)["tasks"]["retrieval tasks"]["snapkv"] == task["snapkv"]
    assert (tmp_path / "out" / "retrieval-tasks.mnemo").stat().st_size - before < 20_000


def test_the_shared_context_modes(tmp_path: Path) -> None:
    settings = {"probes": "2", "budgets": "0.3", "policies": "snapkv", "threads": "1", "tasks": "retrieval tasks"}
    found = {}
    for mode in ("multi-request", "multi-turn"):
        task = bench.measure("policies", settings | {"out": str(tmp_path / mode), "requests": mode})["tasks"]
        found[mode] = task["retrieval tasks"]
        assert found[mode]["title"].endswith(f", {mode}")
    assert len(found["multi-turn"]["full"]["turns"]) == len(found["multi-turn"]["snapkv"]["30%"]["turns"]) == 2
    whole = found["multi-turn"]["full"]
    assert whole["accuracy"] == pytest.approx(sum(whole["turns"]) / 2)  # as many first questions as second ones
    assert "turns" not in found["multi-request"]["full"]
    with TraceReader(tmp_path / "multi-turn" / "retrieval-tasks.mnemo") as reader:
        asked = [e.payload.get("request") for e in reader.events(kinds=[Kind.COMPRESSED])]
    assert sorted(asked) == [1, 1, 2, 2]
    with pytest.raises(UsageError, match="no mode 'twice'"):
        bench.measure("policies", {"requests": "twice"})


def test_every_policy_has_its_rows() -> None:
    lanes = policies._lanes("full", tuple(policies.POLICIES), (0.1, 1.0), "before-question")
    assert len(lanes) == 16 * 2 + 6
    assert lanes["full+h2o:keep=0.1,when=before-question"] == ("h2o", 0.1)
    assert lanes["full+kivi:bits=2"] == ("kivi 2 bit", 1.0) and lanes["full+timrun:stack=0"] == ("timrun stack 0", 1.0)


def test_wrong_settings_are_one_line() -> None:
    for settings, words in (
        ({"colour": "red"}, "no setting 'colour'"),
        ({"budgets": "half"}, "are no numbers"),
        ({"budgets": "0"}, "out of range"),
        ({"tasks": "juggling"}, "no task 'juggling'"),
    ):
        with pytest.raises(UsageError, match=words):
            bench.measure("policies", settings)
    with pytest.raises(UsageError, match="no setting 'model'"):
        bench.measure("read", {"model": "x"})
    assert "policies" not in bench.chosen([]) and bench.chosen(["policies"]) == ["policies"]


def test_what_looking_at_attention_costs_is_measured() -> None:
    found = bench.measure("capture", {"prompt": "130", "generated": "2", "repeats": "1"})
    assert found["layers"] == 7 and found["no callback"]["ratio"] == 1
    assert all(
        found[how]["cpu_ratio"] > 0 and found[how]["ms_a_token"] > 0 for how in ("off", "one layer", "all layers")
    )
