"""Readers from other packages: asked first, never able to end the program."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench import plugins
from workbench.errors import SessionFormatError
from workbench.sessions import Probe, Session, Turn, formats
from workbench.sessions.formats import registry

CHAT = '{"messages": [{"role": "user", "content": "Hello"}]}'


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def put(**readers: Any) -> None:
        monkeypatch.setattr(plugins, "loaded", lambda group: readers if group == registry.GROUP else {})
        registry.foreign.cache_clear()

    yield put
    monkeypatch.undo()
    registry.foreign.cache_clear()


def chat(folder: Path) -> Path:
    path = folder / "chat.json"
    path.write_text(CHAT)
    return path


def test_it_is_asked_before_the_built_in_ones(tmp_path: Path, install: Callable[..., None]) -> None:
    session = Session("mine", (Turn(0, "user", "Hello"),), format="diary")
    install(diary=SimpleNamespace(detect=lambda data, path: "messages" in data, read=lambda data, path: [session]))
    assert formats.read(chat(tmp_path)) == [session]
    assert formats.recognise(chat(tmp_path)) == "diary"
    assert "diary" in formats.titles()


def test_a_class_is_made_and_what_is_no_reader_costs_a_line(
    tmp_path: Path, install: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    class Picky:
        def detect(self, data: Any, path: Path) -> bool:
            raise ValueError("of no kind that I know")

        def read(self, data: Any, path: Path) -> list[Session]:
            return []

    class Half:
        detect = len

    install(picky=Picky, none=3, half=Half)
    with caplog.at_level(logging.WARNING, "mnemoscope"):
        assert formats.read(chat(tmp_path))[0].format == "openai"
    assert [record.getMessage() for record in caplog.records] == [
        "reader none cannot be used (AttributeError: 'int' object has no attribute 'detect'); it is left out",
        "reader half cannot be used (AttributeError: 'Half' object has no attribute 'read'); it is left out",
        "reader picky failed to look at a file (ValueError: of no kind that I know); passed over",
    ]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda data, path: 1 // 0, "reader diary failed (ZeroDivisionError: integer division or modulo by zero)"),
        (lambda data, path: [], "reader diary gave no sessions"),
        (lambda data, path: ["x"], "reader diary gave no sessions"),
    ],
)
def test_what_goes_wrong_in_it_is_a_line_that_names_it(
    tmp_path: Path, install: Callable[..., None], read: Any, message: str
) -> None:
    install(diary=SimpleNamespace(detect=lambda data, path: True, read=read))
    with pytest.raises(SessionFormatError) as caught:
        formats.read(chat(tmp_path))
    assert str(caught.value).startswith(f"{chat(tmp_path)}: {message}")


def test_probes_that_nobody_can_answer_are_left_out_whoever_read_them(
    tmp_path: Path, install: Callable[..., None]
) -> None:
    asked = [("a", "Who?", ("x",)), ("b", " ", ("x",)), ("c", "Who?", (" ",)), ("d", "Who?", ())]
    probes = tuple(Probe(id, 0, question, gold, "accurate_retrieval") for id, question, gold in asked)
    session = Session("mine", (Turn(0, "user", "Hello"),), probes)
    install(diary=SimpleNamespace(detect=lambda data, path: True, read=lambda data, path: [session]))
    (read,) = formats.read(chat(tmp_path))
    assert [p.id for p in read.probes] == ["a"]
    assert read.warnings == ("3 questions without a text or an answer: left out",)
