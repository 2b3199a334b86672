"""Prompt sets: an operation as the bundled model's one-liner (``plain``), or as the method's own prompt (``full``).

A full prompt is a text file, ``<method>/<operation>.md``, in Jinja: what stands above the line ``<!-- user -->`` is the
system message, what stands below it the user's. What never changes stands above, so that its tokens are computed once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from workbench import paths
from workbench.errors import UsageError
from workbench.llm.messages import Message
from workbench.memory import prompts
from workbench.memory.lines import Line
from workbench.memory.pieces import clipped
from workbench.memory.prompts import Full, Operation
from workbench.memory.schemas import in_words

Name = Literal["plain", "full"]
_INCLUDE = re.compile(r"\{% include \"(?P<name>[^\"]+)\" %\}\n?")
_ROLES = ("system", "user")
_SEPARATOR = re.compile(r"^<!-- user -->[ \t]*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent: the messages, the schema that the answer is held against, and how many tokens it may take."""

    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    max_tokens: int


class PromptSet:
    """A prompt set, and where its files lie.

    Args:
        name: ``plain`` or ``full``.
        folder: a person's own prompts; a file that is there takes the place of the one that ships.
    """

    def __init__(self, name: Name = "full", folder: Path | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder}: no folder of prompts", "see `mnemoscope prompts`")
        self.name, self.folder = name, folder

    def rendered(self, operation: Operation, dates: bool = True) -> Rendered:
        """The operation as this set sends it.

        Raises:
            UsageError: when a template cannot be read or asks for an input that the method does not give.
        """
        full = operation.full
        if self.name == "plain" or operation.verbatim:
            return Rendered(operation.messages, operation.schema, operation.max_tokens)
        source = self.source(full) if full else None
        if full is None or source is None:
            return _explained(operation)
        inputs = {"format": in_words(full.schema), **full.inputs}
        messages = self._messages(source, inputs if dates else undated(inputs), full)
        return Rendered(messages, full.schema, full.max_tokens * operation.room)

    def source(self, full: Full) -> str | None:
        """Which file holds an operation's prompt, None when there is none: a method from outside may do without."""
        names = (f"{method}/{full.name}.md" for method in (full.method, *full.extends))
        folders = self._folders(full.folder)
        return next((name for name in names if any((folder / name).is_file() for folder in folders)), None)

    def answer(
        self,
        spans: Sequence[Line],
        question: str,
        task: str = "",
        asked: str = "",
        dates: bool = True,
        options: Sequence[str] = (),
    ) -> tuple[Message, ...]:
        """The prompt of an answer: the memory's lines, when the question is asked, the question.

        Args:
            task: name of the benchmark's rule, ``answer/<task>.md``; empty for the usual one.
            asked: when it is asked, in words.
            options: what there is to choose from, for rules that name it.
        """
        if self.name == "plain":
            return prompts.answer([line.text for line in spans], question).messages
        (rule,) = self._parts(f"answer/{task or 'short'}.md", {"question": question, "options": list(options)})[:1]
        inputs = {"rule": rule, "spans": list(spans), "question": question, "asked": asked if dates else ""}
        return self._messages("answer/answer.md", inputs if dates else undated(inputs))

    def next_question(self, question: str, task: str, options: Sequence[str], again: bool) -> Message:
        """A further question about the same memory, in the same conversation.

        Args:
            again: whether its benchmark's rule is said, since it is another one than the question's before.
        """
        if self.name == "plain":
            return prompts.next_question(question)
        inputs = {"question": question, "options": list(options)}
        rule = self._parts(f"answer/{task or 'short'}.md", inputs)[0] if again else ""
        (text,) = self._parts("answer/next.md", {"question": question, "rule": rule})
        return Message("user", text)

    def messages(self, source: str, inputs: Mapping[str, Any]) -> tuple[Message, ...]:
        """A prompt that belongs to no method, from its file."""
        return self._messages(source, inputs)

    def files(self) -> dict[str, dict[str, Path]]:
        """The prompts that there are: method to operation to file; a person's own before those that ship."""
        found: dict[str, dict[str, Path]] = {}
        for folder in reversed(self._folders()):
            for path in sorted(folder.glob("*/*.md")):
                found.setdefault(path.parent.name, {})[path.stem] = path
        return {method: found[method] for method in sorted(found)}

    def written_out(self, path: Path) -> str:
        """A prompt as it is sent, save for what is filled in: the parts that it includes stand in their places."""
        text = path.read_text("utf-8")
        return _INCLUDE.sub(lambda m: self._included(m["name"]), text)

    def _included(self, name: str) -> str:
        path = next((f / name for f in self._folders() if (f / name).is_file()), None)
        return self.written_out(path).rstrip("\n") + "\n" if path else f"(no {name})\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all files of the set (of ``plain``: over the builders' source); names the set in a run."""
        seen = hashlib.sha256(self.name.encode())
        if self.name == "plain":
            seen.update(Path(prompts.__file__).read_bytes() if Path(prompts.__file__).is_file() else b"")
            return seen.hexdigest()
        for folder in self._folders():
            for path in sorted(folder.rglob("*.md")):
                seen.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
        return seen.hexdigest()

    def _folders(self, extra: str = "") -> list[Path]:
        own = [self.folder] if self.folder else []
        return [*own, *([Path(extra)] if extra else []), paths.resources() / "prompts"]

    def _messages(self, source: str, inputs: Mapping[str, Any], full: Full | None = None) -> tuple[Message, ...]:
        parts = self._parts(source, inputs, full.folder if full else "")
        return tuple(Message(role, text) for role, text in zip(_ROLES[-len(parts) :], parts, strict=True))

    def _parts(self, source: str, inputs: Mapping[str, Any], extra: str = "") -> list[str]:
        """The rendered parts of a file. It is split before it is rendered: what was said cannot split it."""
        from jinja2 import TemplateError

        environment = self._environment(extra)
        try:
            text, *_ = environment.loader.get_source(environment, source)
            parts = _SEPARATOR.split(text, maxsplit=1)
            return [str(self._template(environment, part).render(inputs)).strip() for part in parts]
        except TemplateError as error:
            where = f"{type(error).__name__}: {error.message or source}"
            raise UsageError(f"prompt {source}: {where}", "mend the file, or leave --prompts away") from error

    def _template(self, environment: Any, text: str) -> Any:
        """A template, compiled once: that takes longer than filling it in a hundred times."""
        known: dict[tuple[int, str], Any] = self.__dict__.setdefault("_templates", {})
        key = (id(environment), text)
        if key not in known:
            known[key] = environment.from_string(text)
        return known[key]

    def _environment(self, extra: str) -> Any:
        known: dict[str, Any] = self.__dict__.setdefault("_environments", {})
        if extra not in known:
            known[extra] = _environment([str(folder) for folder in self._folders(extra)])
        return known[extra]


def chosen(wanted: str, demo: bool) -> PromptSet:
    """The set for a run: ``plain``, ``full`` or a folder; empty lets the model decide (``demo``: the bundled one)."""
    if wanted in ("plain", "full"):
        return PromptSet(wanted)  # type: ignore[arg-type]
    return PromptSet("full", Path(wanted)) if wanted else PromptSet("plain" if demo else "full")


def undated(inputs: Any) -> Any:
    """The inputs of a prompt without any time."""
    match inputs:
        case Line():
            return replace(inputs, when="")
        case Mapping():
            return {name: undated(value) for name, value in inputs.items()}
        case list() | tuple():
            return [undated(value) for value in inputs]
    return inputs


def texts_of(inputs: Any) -> Iterator[str]:
    """Every text among the inputs of a prompt."""
    match inputs:
        case Line():
            yield inputs.text
        case str():
            yield inputs
        case Mapping():
            for value in inputs.values():
                yield from texts_of(value)
        case list() | tuple():
            for value in inputs:
                yield from texts_of(value)


def shortened(inputs: Any, limit: int, count: Callable[[str], int], cuts: list[str]) -> Any:
    """The inputs, every text clipped in its middle to ``limit`` tokens; ``cuts`` takes in words what was clipped."""
    match inputs:
        case Line():
            return replace(inputs, text=shortened(inputs.text, limit, count, cuts))
        case str():
            size, short = count(inputs), clipped(inputs, limit, count)
            if short != inputs:
                cuts.append(f"{size} tokens clipped to {limit}: {inputs[:60]}…")
            return short
        case Mapping():
            return {name: shortened(value, limit, count, cuts) for name, value in inputs.items()}
        case list() | tuple():
            return [shortened(value, limit, count, cuts) for value in inputs]
    return inputs


def _explained(operation: Operation) -> Rendered:
    """A plain operation for a model that knows neither its wording nor its format."""
    schema = prompts.loosened(operation.schema) if operation.schema else None
    if schema is None:
        return Rendered(operation.messages, None, operation.max_tokens * operation.room)
    system, *rest = operation.messages
    told = Message(system.role, f"{system.text}\n\n{in_words(schema)}")
    return Rendered((told, *rest), schema, max(operation.max_tokens, prompts.FULL_TOKENS) * operation.room)


def _environment(folders: Sequence[str]) -> Any:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
