"""Measures the scheduler: what it costs over raw ``llama_decode`` calls, and what lanes cost together.

``mnemoscope bench scheduler`` prints the dictionary that :func:`run` returns. The model has random weights: only time
is measured. Raw and scheduled passes alternate in one process, so that both meet the same load of the machine.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.llm.base import BackendOptions, CompletionRequest
from workbench.llm.llama import LlamaBackend
from workbench.llm.messages import Message
from workbench.llm.random_model import Shape, write_model
from workbench.llm.scheduler import Scheduler
from workbench.llm.vectors import HashEmbedding
from workbench.llm.worker import Part, Served, Ticket

SMALL = Shape(layers=4, width=192, heads=6, kv_heads=6, inner=448, context=2048)
"""About two million parameters with a vocabulary of two thousand: the bundled model's size."""
LARGE = Shape(layers=24, width=896, heads=14, kv_heads=2, inner=4864, context=2048)
"""The shape of a 0.5 B model (Qwen2.5), stored as Q8_0."""
LANES = 8


@dataclass(frozen=True, slots=True)
class Load:
    """What is measured: every lane's own prompt of about ``prompt`` tokens, and ``generated`` tokens after it."""

    prompt: int = 200
    generated: int = 64
    repeats: int = 7


Batch = tuple[Any, Any, Any, Any]


class _Replay:
    """Feeds recorded batches to bare ``llama_decode`` on the worker's thread: the raw side of the comparison."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._job: tuple[Ticket[float], list[Batch]] | None = None

    @property
    def busy(self) -> bool:
        return self._job is not None

    def add(self, job: tuple[Ticket[float], list[Batch]]) -> None:
        self._job = job

    def step(self) -> Served:
        assert self._job is not None
        (ticket, batches), self._job = self._job, None
        self._scheduler.forget()
        context = self._scheduler.context
        begin = time.perf_counter()
        for batch in batches:
            context.refill(*batch)
            context.decode(len(batch[0]))
            context.C.llama_synchronize(context.handle)
        ticket.resolve(time.perf_counter() - begin)
        self._scheduler.forget()
        return ()

    def fail(self, error: BaseException) -> None:
        if self._job is not None:
            self._job[0].fail(error)
            self._job = None

    def close(self) -> None:
        pass


class _Bench:
    def __init__(self, path: Path, load: Load, unified: bool = False) -> None:
        extra = {"kv_unified": unified}
        self.backend = LlamaBackend(path, HashEmbedding(), BackendOptions(str(path), "hash", context=1024, extra=extra))
        assert self.backend.scheduler is not None
        self._scheduler = self.backend.scheduler
        self._load, self._replay = load, _Replay(self._scheduler)

    def requests(self, lanes: int) -> list[CompletionRequest]:
        """One request per lane; every prompt differs from the first word on."""
        text = [f"lane {lane} " + "the memory of lane " * (self._load.prompt // 11) for lane in range(lanes)]
        return [
            CompletionRequest((Message("user", words[lane % 7 :]),), max_tokens=self._load.generated)
            for lane, words in enumerate(text)
        ]

    async def scheduled(self, lanes: int) -> float:
        """Seconds for all lanes at once, from an empty cache."""
        await self._raw([])  # empties the cache on the worker's thread
        begin = time.perf_counter()
        await asyncio.gather(*map(self.backend.complete, self.requests(lanes)))
        return time.perf_counter() - begin

    async def _raw(self, batches: list[Batch]) -> float:
        ticket: Ticket[float] = Ticket()
        self.backend._worker.submit(self._part, (ticket, batches), ticket.fail)
        return await ticket.wait()

    def _part(self) -> Part:
        return self._replay

    async def recorded(self, lanes: int) -> list[Batch]:
        """The batches that a scheduled pass decodes."""
        batches: list[Batch] = []
        self._scheduler.record = lambda *batch: batches.append(batch)
        await self.scheduled(lanes)
        self._scheduler.record = None
        return batches

    async def overhead(self, lanes: int) -> dict[str, float]:
        """Scheduled and raw passes in turn."""
        batches = await self.recorded(lanes)
        scheduled, raw, cpu = [], [], []
        for _ in range(self._load.repeats):
            before = time.process_time()
            scheduled.append(await self.scheduled(lanes))
            between = time.process_time()
            raw.append(await self._raw(batches))
            cpu.append((between - before) / (time.process_time() - between))
        ratios = [a / b for a, b in zip(scheduled, raw, strict=True)]
        return {
            "ratio": statistics.median(ratios),
            "ratio_lowest": min(ratios),
            "ratio_highest": max(ratios),
            "cpu_ratio": statistics.median(cpu),
            "scheduled_s": statistics.median(scheduled),
            "raw_s": statistics.median(raw),
            "steps": len(batches),
        }

    async def lanes(self) -> dict[str, float]:
        """Eight lanes together and one alone, in turn."""
        one, many = [], []
        for _ in range(self._load.repeats):
            one.append(await self.scheduled(1))
            many.append(await self.scheduled(LANES))
        return {
            "one_s": statistics.median(one),
            "eight_s": statistics.median(many),
            "eight_over_one": statistics.median(b / a for a, b in zip(one, many, strict=True)),
        }


def run(large: bool = False, load: Load | None = None) -> dict[str, Any]:
    """Measure on a random model of two million parameters, or of 0.5 B shape with ``large`` (a 500 MB file).

    Returns:
        ``overhead`` (scheduled over raw: median and range of ``ratio`` in wall time over alternating passes, and of
        ``cpu_ratio`` in processor time, which other programs on the machine disturb less), ``lanes`` (eight together
        over one alone), ``unified`` (the same with one cell array for all lanes), ``model`` and ``load``.
    """
    load = load or (Load(repeats=2, generated=24) if large else Load())
    shape = LARGE if large else SMALL
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.gguf"
        write_model(path, shape, filler=30_000 if large else 1_700, quantized=large, scale=0.02)
        overhead, lanes, model = _with(path, load, False, lambda bench: _both(bench))
        _, unified, _ = _with(path, load, True, lambda bench: _both(bench))
    return {
        "overhead": overhead,
        "lanes": lanes,
        "unified": unified,
        "model": model,
        "load": {"lanes": LANES, "prompt": load.prompt, "generated": load.generated, "repeats": load.repeats},
    }


async def _both(bench: _Bench) -> tuple[dict[str, float], dict[str, float]]:
    return await bench.overhead(LANES), await bench.lanes()


def _with(path: Path, load: Load, unified: bool, measure: Callable[[_Bench], Any]) -> tuple[Any, Any, dict[str, Any]]:
    bench = _Bench(path, load, unified)
    try:
        overhead, lanes = asyncio.run(measure(bench))
        info = bench.backend.info
        return overhead, lanes, {"parameters": info.parameters, "device": info.device, "backend": info.backend}
    finally:
        bench.backend.close()
