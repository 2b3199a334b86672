"""Every session format, one line each, and those that other packages bring.

A reader is a module (or any object) with ``detect(data, path) -> bool`` and ``read(data, path) -> list[Session]``.
``data`` is what ``loading.load`` gives: a JSON value, ``Lines``, an ``Archive`` or a ``Database``. A package registers
its reader under the entry point ``mnemoscope.readers``; one that cannot be loaded costs a line in the log and no more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from workbench import plugins
from workbench.errors import SessionFormatError
from workbench.sessions.formats.limits import shown
from workbench.sessions.model import Session

GROUP = "mnemoscope.readers"
_HOME = "workbench.sessions.formats"
_REPORT = "report it to its makers"
_log = logging.getLogger("mnemoscope")


class Format(NamedTuple):
    """A line of the registry: what a person calls the format, and the module that reads it."""

    title: str
    module: str


READERS: dict[str, Format] = {
    "native": Format("Mnemoscope session", f"{_HOME}.native"),
    "locomo": Format("LoCoMo", f"{_HOME}.locomo"),
    "longmemeval": Format("LongMemEval", f"{_HOME}.longmemeval"),
    "memoryagentbench": Format("MemoryAgentBench", f"{_HOME}.memoryagentbench"),
    "longmemeval_v2": Format("LongMemEval-V2", f"{_HOME}.longmemeval_v2"),
    "scbench": Format("SCBench", f"{_HOME}.scbench"),
    "longbench": Format("LongBench", f"{_HOME}.longbench"),
    "labels": Format("Labelled utterances (BANKING77, CLINC150)", f"{_HOME}.labels"),
    "inspect": Format("Inspect log", f"{_HOME}.inspect_log"),
    "atif": Format("ATIF trajectory", f"{_HOME}.atif"),
    "letta": Format("Letta agent file", f"{_HOME}.letta"),
    "mem0": Format("Mem0 history.db", f"{_HOME}.mem0"),
    "chatgpt": Format("ChatGPT export", f"{_HOME}.chatgpt"),
    "claude": Format("Claude export", f"{_HOME}.claude"),
    "claude_code": Format("Claude Code session", f"{_HOME}.claude_code"),
    "codex": Format("Codex session", f"{_HOME}.codex"),
    "openwebui": Format("Open WebUI export", f"{_HOME}.openwebui"),
    "llamacpp": Format("llama.cpp web UI export", f"{_HOME}.llamacpp"),
    "openinference": Format("OpenInference spans (Phoenix)", f"{_HOME}.openinference"),
    "otel": Format("OpenTelemetry GenAI spans", f"{_HOME}.otel"),
    "langfuse": Format("Langfuse", f"{_HOME}.langfuse"),
    "langsmith": Format("LangSmith runs", f"{_HOME}.langsmith"),
    "langgraph": Format("LangGraph state", f"{_HOME}.langgraph"),
    "langchain": Format("LangChain messages", f"{_HOME}.langchain"),
    "autogen": Format("AutoGen history", f"{_HOME}.autogen"),
    "sharegpt": Format("ShareGPT", f"{_HOME}.sharegpt"),
    "gemini": Format("Gemini", f"{_HOME}.gemini"),
    "ai_sdk": Format("AI SDK messages", f"{_HOME}.ai_sdk"),
    "anthropic": Format("Anthropic Messages", f"{_HOME}.anthropic"),
    "talk": Format("Chat of other programs", f"{_HOME}.talk"),
    "openai": Format("OpenAI chat", f"{_HOME}.openai"),
}
"""Name to title and module, in the order in which they are asked: the exact ones first, OpenAI's loose shape last."""


class Reader(Protocol):
    """What a registered module offers."""

    def detect(self, data: Any, path: Path) -> bool:
        """Whether this is the reader for the file."""
        ...

    def read(self, data: Any, path: Path) -> list[Session]:
        """Every session in the file, at least one."""
        ...


class _Foreign:
    """A reader from another package: whatever goes wrong in it is a line that names it."""

    def __init__(self, name: str, reader: Any) -> None:
        self._name, self._reader = name, reader

    def detect(self, data: Any, path: Path) -> bool:
        try:
            return bool(self._reader.detect(data, path))
        except Exception as error:
            _log.warning("reader %s failed to look at a file (%s); passed over", self._name, _short(error))
            return False

    def read(self, data: Any, path: Path) -> list[Session]:
        try:
            found = list(self._reader.read(data, path))
        except SessionFormatError:
            raise
        except Exception as error:
            raise SessionFormatError(f"reader {self._name} failed ({_short(error)})", _REPORT) from error
        if not found or not all(isinstance(session, Session) for session in found):
            raise SessionFormatError(f"reader {self._name} gave no sessions", _REPORT)
        return found


def readers() -> Iterator[tuple[str, Reader]]:
    """Every reader in the order in which they are asked: the native one, those of other packages, the rest."""
    names = iter(READERS)
    yield from ((name, _built_in(name)) for name in (next(names),))
    yield from foreign().items()
    yield from ((name, _built_in(name)) for name in names)


def titles() -> dict[str, str]:
    """What a person calls each format."""
    return {name: entry.title for name, entry in READERS.items()} | {name: name for name in foreign()}


def _built_in(name: str) -> Reader:
    found: Reader = import_module(READERS[name].module)  # type: ignore[assignment]
    return found


@cache
def foreign() -> dict[str, Reader]:
    """The readers of other packages that could be loaded, by their entry point's name."""
    found: dict[str, Reader] = {}
    for name, reader in plugins.loaded(GROUP).items():
        try:
            made = reader() if isinstance(reader, type) else reader
            if not (callable(made.detect) and callable(made.read)):
                raise TypeError("detect and read must be functions")
        except Exception as error:  # another package's defect must not end this program
            _log.warning("reader %s cannot be used (%s); it is left out", name, _short(error))
        else:
            found[name] = _Foreign(name, made)
    return found


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {shown(' '.join(str(error).split()))[1:-1]}"
