"""``bench vectors``: a session's turns under every codec."""

import json
from pathlib import Path

import pytest

from tests.support.runs import session_file
from workbench import cli
from workbench.engine.vectors import run
from workbench.probes.compression import CODECS


def test_a_sessions_index_is_measured_under_every_codec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = session_file(tmp_path, turns=40, probes=6)
    assert cli.main(["bench", "vectors", "--set", f"session={file}", "--set", "embedder=hash", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["vectors"]
    assert found["codecs"].keys() == CODECS.keys()
    assert found["codecs"]["float32"]["recall@10"] == 1.0
    assert found["codecs"]["float32"]["bytes"] == 4 * found["vectors"] * found["dimensions"]
    assert all(0 <= row["evidence@10"] <= 1 for row in found["codecs"].values())


@pytest.mark.slow
def test_without_a_session_one_is_generated() -> None:
    found = run(embedder="hash")
    assert found["vectors"] > 400
    assert found["codecs"]["binary"]["smaller"] == 32.0


def test_a_session_without_probes_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = session_file(tmp_path, turns=4, probes=0)
    assert cli.main(["bench", "vectors", "--set", f"session={file}", "--set", "embedder=hash"]) == 2
    assert "has no probes to search with" in capsys.readouterr().err
