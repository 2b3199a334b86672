"""Lane SPECs: ``memory[:key=value,...][+cache[:key=value,...]]``.

Both may be a name of the registry or ``path/to/file.py:Class``.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any, get_args, get_origin, get_type_hints

from workbench.cache import registry as caches
from workbench.cache.base import CachePolicy
from workbench.errors import UsageError
from workbench.memory import registry as memories
from workbench.memory.base import MOST, MemoryStrategy
from workbench.memory.controls import NO_MEMORY, ORACLE
from workbench.plugins import fingerprint, is_path

_PATH = re.compile(r".+?\.py:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """A lane = memory strategy x cache policy, with the parameters that were given (defaults are the classes')."""

    memory: str
    memory_params: Mapping[str, Any] = field(default_factory=dict)
    cache: str = caches.DEFAULT
    cache_params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The SPEC in its shortest form; names the lane in the trace."""
        memory = _format(self.memory_name, self.memory_params)
        return memory if self.cache == caches.DEFAULT else f"{memory}+{_format(self.cache_name, self.cache_params)}"

    @property
    def memory_name(self) -> str:
        """The strategy's own name, also where it was given by its path, which no run file holds."""
        return memories.strategy(self.memory).name if is_path(self.memory) else self.memory

    @property
    def cache_name(self) -> str:
        """The policy's own name; see :attr:`memory_name`."""
        return caches.policy(self.cache).name if is_path(self.cache) else self.cache

    @property
    def code(self) -> str:
        """SHA-256 of what was given by path, empty for what the registry knows."""
        return fingerprint(self.memory) + fingerprint(self.cache)

    @property
    def outside(self) -> dict[str, str]:
        """What was given by path, ``{its own name: path/to/file.py:Class}``."""
        pairs = ((self.memory_name, self.memory), (self.cache_name, self.cache))
        return {name: given for name, given in pairs if is_path(given)}

    def strategy(self) -> MemoryStrategy:
        """A fresh strategy with these parameters."""
        return memories.strategy(self.memory)(**self.memory_params)

    def policy(self) -> CachePolicy | None:
        """The cache policy with these parameters; None for the full cache."""
        return None if self.cache == caches.DEFAULT else caches.policy(self.cache)(**self.cache_params)

    @classmethod
    def parse(cls, spec: str) -> LaneSpec:
        """Read a SPEC. Raises ``UsageError`` for unknown names, parameters and values of the wrong type."""
        memory, plus, cache = _halves(spec.strip())
        name, params = _split(memory, spec)
        strategy = memories.strategy(name)
        if not plus:
            return cls(name, _convert(params, strategy, spec))
        cache_name, cache_params = _split(cache, spec)
        policy = caches.policy(cache_name)
        made = cls(name, _convert(params, strategy, spec), cache_name, _convert(cache_params, policy, spec))
        made.policy()  # says what is wrong with a value before a model is loaded
        return made


def with_controls(lanes: Sequence[str]) -> tuple[str, ...]:
    """The lanes, and the controls that are not among them: no memory, the evidence alone, and full context."""
    there = {LaneSpec.parse(lane).name for lane in lanes}
    return (*lanes, *(name for name in (NO_MEMORY, ORACLE, "full") if name not in there))


def _halves(spec: str) -> tuple[str, str, str]:
    """Memory, ``+`` and cache; a path may hold a ``+`` of its own."""
    found = _PATH.match(spec)
    start = found.end() if found else 0
    head, plus, tail = spec[start:].partition("+")
    return spec[:start] + head, plus, tail


def _split(part: str, spec: str) -> tuple[str, dict[str, str]]:
    found = _PATH.match(part)
    name = found.group() if found else part.partition(":")[0]
    rest = part[len(name) + 1 :]
    pairs = [pair.partition("=") for pair in rest.split(",") if pair]
    if any(not key or not equals for key, equals, _ in pairs):
        raise UsageError(f"lane {spec!r}: parameters are written key=value,key=value", "see `mnemoscope lanes`")
    return name, {key: value for key, _, value in pairs}


def _convert(given: Mapping[str, str], cls: type, spec: str) -> dict[str, Any]:
    hints, known = get_type_hints(cls), {f.name: f for f in fields(cls) if f.init}
    for key in given:
        if key not in known:
            why: str = getattr(cls, "unbudgeted", "") if key == "keep" else ""
            remedy = f"it has: {', '.join(sorted(known)) or 'none'}"
            raise UsageError(f"lane {spec!r}: no parameter {key!r}{': ' if why else ''}{why}", remedy)
    found = {key: _value(value, hints[key], f"lane {spec!r}: {key}") for key, value in given.items()}
    for key, value in found.items():
        _check_range(value, known[key], f"lane {spec!r}: {key}")
    return found


def _check_range(value: Any, parameter: Field[Any], where: str) -> None:
    """Refuse a number outside the parameter's range: its metadata's ``range`` (least, most), else not below 0.

    A parameter whose default is below 0 gives smaller numbers a meaning of its own.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    usual = -MOST if isinstance(parameter.default, (int, float)) and parameter.default < 0 else 0
    least, most = parameter.metadata.get("range", (usual, MOST))
    if not least <= value <= most:  # also what is no number
        raise UsageError(f"{where} is {value}", f"write a number from {least:,} to {most:,}")


def _value(text: str, hint: Any, where: str) -> Any:
    if get_origin(hint) in (types.UnionType,):
        if text.lower() == "none":
            return None
        hint = next(h for h in get_args(hint) if h is not type(None))
    choices = get_args(hint)
    if choices and all(isinstance(c, str) for c in choices):
        if text not in choices:
            raise UsageError(f"{where} is {text!r}", f"one of: {', '.join(choices)}")
        return text
    if hint is bool:
        if text.lower() not in ("true", "false", "yes", "no", "on", "off", "1", "0"):
            raise UsageError(f"{where} is {text!r}", "write true or false")
        return text.lower() in ("true", "yes", "on", "1")
    try:
        return hint(text)
    except ValueError as error:
        raise UsageError(f"{where} is {text!r}", f"write a {hint.__name__}") from error


def _format(name: str, params: Mapping[str, Any]) -> str:
    rest = ",".join(f"{key}={_plain(value)}" for key, value in params.items())
    return f"{name}:{rest}" if rest else name


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
