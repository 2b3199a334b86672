"""A run file that is mailed tells nothing of the machine it was made on."""

import getpass
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.gguf_models import Shape, write_model
from tests.support.runs import session_file
from workbench import discreet, whereabouts
from workbench.discreet import place_name
from workbench.errors import ModelError

SECRET = "fraumueller"


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user whose name is known, at a host whose name is known, with a home of that name."""
    home = tmp_path / SECRET
    home.mkdir()
    monkeypatch.setenv("MNEMOSCOPE_HOME", str(home / "mnemoscope"))
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setattr(getpass, "getuser", lambda: SECRET)
    monkeypatch.setattr(discreet.socket, "gethostname", lambda: "buero-3.example")
    discreet._folders.cache_clear()
    discreet._names.cache_clear()
    yield home
    discreet._folders.cache_clear()
    discreet._names.cache_clear()


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ('File "/opt/My Apps/lib/x.py", line 3, in f', "line 3, in f"),
        ("/srv/data/models/small.gguf cannot be used", "/small.gguf cannot be used"),
        (r"C:\Users\fraumueller\models\small.gguf is gone", r"\small.gguf is gone"),
        ("no answer from http://10.0.0.7:8080/v1", "no answer from http://server/v1"),
        ("fraumueller on buero-3.example: denied", "…"),
        ("1/2 of the turns and 3/4 of the tokens, either/or", "1/2 of the turns and 3/4 of the tokens, either/or"),
        ("no note about tea", "no note about tea"),
    ],
)
def test_messages_lose_folders_users_and_hosts_and_nothing_else(known: Path, said: str, left: str) -> None:
    told = discreet.discreet(said)
    assert left in told
    for secret in (SECRET, "buero", "/srv/data", "10.0.0.7", "/opt"):
        assert secret not in told


def test_the_home_of_the_user_may_have_a_space(known: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "Frau Müller")
    discreet._folders.cache_clear()
    assert discreet.discreet(f"{tmp_path}/Frau Müller/a.gguf: gone") == "…/a.gguf: gone"


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("demo", "demo"),
        ("/a/b/small.gguf", "small.gguf"),
        (r"C:\models\small.gguf", "small.gguf"),
        ("http://10.0.0.7:8080/v1#qwen", "server#qwen"),
        ("prompts/", "prompts"),
        ("", ""),
    ],
)
def test_a_place_is_called_by_its_name(place: str, name: str) -> None:
    assert place_name(place) == name


def test_models_are_found_again_where_this_machine_wrote_down_that_they_are(known: Path, tmp_path: Path) -> None:
    model, server = tmp_path / "small.gguf", "http://10.0.0.7:8080/v1#qwen"
    model.write_bytes(b"GGUF")
    whereabouts.remember("run-1", [str(model), "minilm", server, ""])
    settings = {"model": "small.gguf", "embedder": "minilm", "seed": 3}
    assert whereabouts.resolved("run-1", settings) == settings | {"model": str(model)}
    assert whereabouts.resolved("run-2", settings) == settings
    assert whereabouts.named(whereabouts.resolved("run-1", settings)) == settings
    whereabouts.check("run-1", server)
    for place in (server, "server#qwen", "http://elsewhere/v1"):
        with pytest.raises(ModelError, match="say which one with --model"):
            whereabouts.check("run-2", place)


def test_a_run_and_a_what_if_tell_nothing(tmp_path: Path, root: Path) -> None:
    """Everything a real run writes, of a user, a model and a session with telling names, read as bytes."""
    home = tmp_path / SECRET
    home.mkdir()
    session = session_file(home, turns=4, probes=1)
    model, out, method = home / "small.gguf", home / "run.mnemo", home / "method.py"
    write_model(model, Shape(layers=1, width=32, heads=1, kv_heads=1, inner=32, context=512))
    method.write_text(
        "from dataclasses import dataclass\nfrom workbench.memory.base import MemoryStrategy, Recall\n"
        "@dataclass\nclass Own(MemoryStrategy):\n    name = 'own'\n    title = 'Own'\n"
        "    async def observe(self, turn, mind, log):\n        raise OSError(2, 'gone', __file__)\n"
        "    async def recall(self, query, mind, log):\n        return Recall((), (), 1)\n"
    )
    environment = os.environ | {
        "PYTHONPATH": str(root), "HOME": str(home), "USER": SECRET, "LOGNAME": SECRET,
        "MNEMOSCOPE_HOME": str(home / "mnemoscope"),
    }  # fmt: skip
    program = [sys.executable, "-m", "workbench"]
    lanes = ["--lane", "bm25", "--lane", f"{method}:Own", "--embedder", "hash", "--threads", "1"]
    run = [*program, "run", session, *lanes, "--model", model, "--out", out]
    what_if = [*program, "branch", out, "--lane", "bm25", "--turn", "1", "--edit", f"model:{model}", "--threads", "1"]
    for command in (run, what_if, run):
        done = subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True, cwd=home
        )
        assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(out)) as connection:
        failed = connection.execute("SELECT payload FROM event WHERE kind = 'strategy.failed'").fetchone()[0]
    assert "method.py" in failed and "gone" in failed
    data = out.read_bytes()
    for secret in (SECRET, str(tmp_path), str(root)):
        assert secret.encode() not in data, data[data.index(secret.encode()) - 100 :][:200]
