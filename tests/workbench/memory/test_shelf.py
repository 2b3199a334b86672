"""Vector indexes on a real Chroma server on loopback: named, found, removed, and gone without a loss."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import chromadb
import httpx
import pytest

from tests.support.backends import ScriptedBackend
from tests.support.minds import Mind
from tests.support.runs import config, lane_events
from workbench import cli
from workbench.engine import run as engine
from workbench.errors import Unavailable, UsageError
from workbench.memory import shelf
from workbench.memory.items import Item
from workbench.memory.vectors import VectorIndex

SERVER = Path(sysconfig.get_path("scripts")) / ("chroma.exe" if os.name == "nt" else "chroma")
STARTS = 90  # looks at a server that is starting, each of up to a second


def items(*texts: str) -> list[Item]:
    return [Item(f"i{n}", "note", text, (n,), index_text=text) for n, text in enumerate(texts)]


@pytest.mark.parametrize(
    "address", ["localhost:8000", "http://localhost", "ftp://h:1", "http://h:99999", "http://h:1/x"]
)
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="write http://HOST:PORT"):
        config(tmp_path, chroma=address).check()


def test_where_no_server_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    made = config(tmp_path, "dense")
    address = f"http://127.0.0.1:{free_port()}"
    run = ["run", str(made.sessions[0]), "--lane", "dense", "--out", str(made.path), "--chroma", address]
    assert cli.main(run) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"mnemoscope: the Chroma server at {address} does not do what it should (")
    assert line.endswith("see that it runs; nothing is lost, the same command goes on")


def test_a_server_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "FIRST", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match="does not do what it should"), shelf.in_chroma(address, "x"):
            pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Server:
    """``chroma run`` on a free port."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        command = [str(SERVER), "run", "--host", "127.0.0.1", "--port", str(self.port), "--path", str(folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        transport = httpx.HTTPTransport(retries=8)  # with growing pauses, while it starts
        with httpx.Client(transport=transport, timeout=30) as client:
            assert client.get(f"{self.address}/api/v2/heartbeat").status_code == 200
        self.client: Any = chromadb.HttpClient(host="127.0.0.1", port=self.port)

    def names(self) -> list[str]:
        return sorted(collection.name for collection in self.client.list_collections())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "chroma")
    yield made
    made.end()


@pytest.mark.slow
def test_an_index_there_finds_what_one_here_finds(server: Server) -> None:
    texts = [f"word{n} word{n % 7} thing" for n in range(60)]

    def found(index: VectorIndex) -> list[Any]:
        asked = [asyncio.run(index.search(f"word{n} thing", items(*texts), Mind(), 5)) for n in range(10)]
        return [(one.order, one.scores.tolist()) for one in asked]

    here = found(VectorIndex())
    with shelf.in_chroma(server.address, "mine"):
        with shelf.of_lane("s1-lane2"):
            first = VectorIndex()
            assert found(first) == here
        assert [name.rpartition("-")[0] for name in server.names()] == [f"mnemoscope-mine-s1-lane2-{os.getpid()}"]
        second = VectorIndex()
        assert found(second) == here
        assert len(server.names()) == 2
        second.close()
        assert len(server.names()) == 1
    assert server.names() == []


@pytest.mark.slow
def test_a_run_there_is_the_run_here(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    server.client.create_collection("somebody-elses")
    here = engine.run(config(tmp_path, "dense", "hybrid", out=tmp_path / "here.mnemo"))
    there = engine.run(config(tmp_path, "dense", "hybrid", out=tmp_path / "there.mnemo", chroma=server.address))
    assert lane_events(here) == lane_events(there)
    assert server.names() == ["somebody-elses"]
    assert server.address.encode() not in there.read_bytes() and b"127.0.0.1" not in there.read_bytes()


class Dying(ScriptedBackend):
    """Ends the server when so many texts have been embedded."""

    def __init__(self, server: Server, after: int) -> None:
        super().__init__()
        self._server, self._left = server, after

    async def embed(self, texts: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            self._server.end()
        return await super().embed(texts)


@pytest.mark.slow
def test_a_server_that_dies_costs_a_line_and_nothing_that_was_stored(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_open", lambda config: Dying(server, 8))
    made = config(tmp_path, "dense", "full", out=tmp_path / "there.mnemo", chroma=server.address, exact=True)
    with pytest.raises(Unavailable, match="nothing is lost, the same command goes on"):
        engine.run(made)
    before = lane_events(made.path)
    assert len(before["moving house, seed 0", "dense"]) > 0
    again = Server(tmp_path / "chroma")  # the same folder: what the run left there is there again
    monkeypatch.setattr(engine, "_open", lambda config: ScriptedBackend())
    try:
        engine.run(replace(made, chroma=again.address))
        assert again.names() == []
    finally:
        again.end()
    here = engine.run(replace(made, chroma="", out=tmp_path / "here.mnemo"))
    after = lane_events(made.path)
    assert after == lane_events(here)
    assert all(after[key][: len(events)] == events for key, events in before.items())


@pytest.mark.slow
def test_what_a_killed_run_left_is_removed(server: Server) -> None:
    code = (
        "import asyncio, os, signal, sys\n"
        "from tests.support.minds import Mind\n"
        "from tests.workbench.memory.test_shelf import items\n"
        "from workbench.memory import shelf\n"
        "from workbench.memory.vectors import VectorIndex\n"
        "with shelf.in_chroma(sys.argv[1], 'run7'):\n"
        "    index = VectorIndex()\n"
        "    asyncio.run(index.search('a', items('a', 'b'), Mind(), 1))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": str(root)}
    assert subprocess.run([sys.executable, "-c", code, server.address], env=environment).returncode == -signal.SIGKILL
    assert len(server.names()) == 1
    with shelf.in_chroma(server.address, "run70"):
        assert len(server.names()) == 1  # another run's
    with shelf.in_chroma(server.address, "run7"):
        assert server.names() == []
