"""What a run is made of: figures that no run can have, and what of it goes into the run file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from workbench.engine.config import RunConfig
from workbench.errors import UsageError

SETUP = RunConfig((Path("/home/mira/talk.json"),), ("full",))

LIMITS = [
    ("context", 1, 1 << 24, "choose from 1 to 16,777,216"),
    ("seed", 0, (1 << 32) - 1, "choose from 0 to 4,294,967,295"),
    ("temperature", 0, 100, "choose from 0 to 100"),
    ("thinking", 0, 1 << 20, "choose from 0 to 1,048,576"),
]


@pytest.mark.parametrize(("name", "least", "most", "words"), LIMITS)
def test_a_figure_that_no_run_can_have_is_refused_with_its_bounds(name: str, least: int, most: int, words: str) -> None:
    for good in (least, most):
        replace(SETUP, **{name: good}).check()
    for bad in (least - 1, most + 1, float("nan")):
        with pytest.raises(UsageError, match=f"--{name} {bad} is out of range - {words}"):
            replace(SETUP, **{name: bad}).check()
    replace(SETUP, context=None).check()


def test_the_address_of_a_server_is_looked_at() -> None:
    with pytest.raises(UsageError, match="'nowhere' is no Chroma server's address"):
        replace(SETUP, chroma="nowhere").check()
    replace(SETUP, chroma="http://127.0.0.1:8000").check()


def test_the_run_file_names_no_folder_user_or_host_of_this_machine(tmp_path: Path) -> None:
    told: dict[str, Any] = replace(
        SETUP,
        out=tmp_path / "mine.mnemo",
        model="/home/mira/models/small.gguf",
        embedder="http://mira:8080/v1#embed",
        chroma="http://mira:8000",
        read=(("labels", "/home/mira/labels.csv"), ("map", '{"text": "said"}')),
    ).to_json()
    assert (told["sessions"], told["out"], told["model"]) == (["talk.json"], "mine.mnemo", "small.gguf")
    assert told["read"] == {"labels": "labels.csv", "map": '{"text": "said"}'} and told["chroma"] == "server"
    assert "mira" not in str(told) and SETUP.to_json()["chroma"] == ""
    assert SETUP.path == Path.cwd() / "talk.mnemo"
