"""Measurements by name. A benchmark is a function that returns a plain dictionary of figures, or a program that
prints one as JSON without arguments; the window's own is a program, since nothing here may import Qt."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from workbench.errors import MnemoscopeError, UsageError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """``target`` is ``module:function`` called here, or with ``program`` a module run by ``python -m``.

    Attributes:
        long: measured only when it is named. Its function may take settings, as texts.
    """

    name: str
    what: str
    target: str
    program: bool = False
    long: bool = False


BENCHMARKS = {
    b.name: b
    for b in (
        Benchmark("scheduler", "batched lanes over raw llama_decode calls", "workbench.llm.bench:run"),
        Benchmark("read", "opening a 50 MB log of 20,000 turns", "workbench.sessions.bench", program=True),
        Benchmark(
            "capture",
            "decoding with attention kept over decoding without, at 2,000 tokens",
            "workbench.llm.bench_capture:run",
            long=True,
        ),
        Benchmark(
            "policies",
            "every cache policy at every budget: accuracy, evidence kept, distance from the full cache (long)",
            "workbench.commands.policies:run",
            long=True,
        ),
        Benchmark(
            "vectors",
            "recall over bytes of a vector index: int8, binary, PCA, product quantization (long)",
            "workbench.engine.vectors:run",
            long=True,
        ),
        Benchmark("scrub", "cursor to painted, per panel, and the first window", "ui.bench", program=True),
    )
}
"""Adding one takes a line here."""


def chosen(names: Sequence[str]) -> list[str]:
    """The names, or all quick ones without any. Raises ``UsageError`` for one that does not exist."""
    for name in names:
        if name not in BENCHMARKS:
            raise UsageError(f"no benchmark {name!r}", f"one of: {', '.join(BENCHMARKS)}")
    return list(dict.fromkeys(names)) or [b.name for b in BENCHMARKS.values() if not b.long]


def measure(name: str, settings: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The figures of a benchmark. Raises ``MnemoscopeError`` when it cannot run here or does not take a setting."""
    benchmark = BENCHMARKS[name]
    if benchmark.program:
        _known(benchmark, settings, ())
        return _program(benchmark)
    module, _, function = benchmark.target.partition(":")
    measured = getattr(import_module(module), function)
    _known(benchmark, settings, tuple(inspect.signature(measured).parameters) if benchmark.long else ())
    figures: dict[str, Any] = measured(**(settings or {}))
    return figures


def _known(benchmark: Benchmark, settings: Mapping[str, str] | None, names: Sequence[str]) -> None:
    for name in settings or {}:
        if name not in names:
            known = f"one of: {', '.join(names)}" if names else "it takes none"
            raise UsageError(f"benchmark {benchmark.name}: no setting {name!r}", known)


def _program(benchmark: Benchmark) -> dict[str, Any]:
    package = benchmark.target.partition(".")[0]
    if find_spec(package) is None or getattr(sys, "frozen", False):
        raise MnemoscopeError(f"{benchmark.name}: {package} is not installed here", "run it from a full installation")
    done = subprocess.run([sys.executable, "-m", benchmark.target], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise MnemoscopeError(f"{benchmark.name}: {benchmark.target} failed (exit {done.returncode})", "see above")
    try:
        figures: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise MnemoscopeError(f"{benchmark.name}: {benchmark.target} printed no JSON ({error})") from error
    return figures


def rows(figures: Mapping[str, Any]) -> list[list[str]]:
    """Nested figures as dotted names with values."""
    return [[name, f"{value:.4g}" if isinstance(value, float) else str(value)] for name, value in _flat(figures, "")]


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value
