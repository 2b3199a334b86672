"""Measures what looking at attention costs while a model writes: the figures of ``mnemoscope bench capture``.

The same tokens are decoded after the same prompt, in turn in a context without a callback, in the one that answers are
given in without a look, with one layer kept, and with the summary over all layers that a run keeps. Only time is
measured, so the tokens are any.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from workbench.llm.context import FLASH_OFF, Context, ContextOptions
from workbench.llm.cores import Cores
from workbench.llm.model import Model, Tokens
from workbench.llm.open import find_language_model
from workbench.llm.recorder import Recorder
from workbench.llm.scope import CHUNK, ScopeContext
from workbench.llm.summary import Summarizer
from workbench.llm.trial import proved

BARE, OFF, ONE, ALL = "no callback", "off", "one layer", "all layers"


def run(
    model: str = "demo", prompt: str = "1984", generated: str = "32", repeats: str = "7", threads: str = "1"
) -> dict[str, Any]:
    """Measure.

    Args:
        prompt, generated: tokens read, and tokens decoded after them one by one; together they fit the model's context.

    Returns:
        ms a token, and ``ratio`` to a context without a callback: the median over passes that alternate, with the
        lowest and highest; ``cpu_ratio`` the same in time of the processor (of one thread), which other programs on
        the machine disturb less.
    """
    loaded = Model(proved(find_language_model(model)), gpu_layers=0)
    read, written = int(prompt), int(generated)
    size, cores = -(-(read + written) // 256) * 256, Cores(int(threads))
    scope = ScopeContext(loaded, size, cores)
    bare = Context(loaded, ContextOptions(size, cores, batch=CHUNK, ubatch=CHUNK, flash=FLASH_OFF))
    try:
        tokens = np.random.default_rng(0).integers(0, loaded.n_vocab, read + written).astype(np.int32)
        for start in range(0, read, CHUNK):
            part = tokens[start : min(start + CHUNK, read)]
            scope.feed_tapped(part)
            bare.decode(bare.fill(0, part, start, 0))
        times: dict[str, list[tuple[float, float]]] = {BARE: [], OFF: [], ONE: [], ALL: []}
        for number in range(int(repeats) + 1):
            for how in times:
                took = _bare(bare, tokens[read:], read) if how == BARE else _pass(scope, tokens[read:], read, how)
                if number:  # the first pass warms up
                    times[how].append(took)
        return _figures(loaded, times, read, written)
    finally:
        scope.close()
        bare.close()
        loaded.close()


def _bare(context: Context, tokens: Tokens, read: int) -> tuple[float, float]:
    """As :func:`_pass`, without a callback."""
    context.forget(0, read)
    begin, busy = time.perf_counter(), time.thread_time()
    for number, token in enumerate(tokens):
        context.put(0, int(token), read + number, 0)
        context.decode(1)
        context.logits(1)
    return time.perf_counter() - begin, time.thread_time() - busy


def _pass(scope: ScopeContext, tokens: Tokens, read: int, how: str) -> tuple[float, float]:
    """Seconds for all tokens, from the end of the prompt: of the clock, and of this thread on a processor."""
    scope.evict(read, max(scope.position, read))
    model = scope.model
    recorder = Recorder((model.n_layer // 2,), bounded=False)
    spans = tuple((at, min(at + 64, read)) for at in range(0, read, 64))
    summarizer = Summarizer(model.n_layer, model.n_head, spans, scope.tap.cells)
    begin, busy = time.perf_counter(), time.thread_time()
    for token in tokens:
        one = token[None]
        if how == OFF:
            scope.feed_tapped(one, steady=True)
        elif how == ONE:
            scope.feed_tapped(one, recorder.layers, steady=True)
            recorder.add(scope.tap.rows, slice(0, scope.position))
        else:
            summarizer.begin(scope.position)
            scope.feed_tapped(one, watch=summarizer, steady=True)
    if how == ALL:
        summarizer.begin(scope.position)  # reduces the last one
    elif how == ONE:
        recorder.capture(model.n_head, ("",) * scope.position, len(tokens))
    return time.perf_counter() - begin, time.thread_time() - busy


def _figures(model: Model, times: dict[str, list[tuple[float, float]]], read: int, written: int) -> dict[str, Any]:
    found: dict[str, Any] = {"model": model.path.stem, "prompt": read, "generated": written, "layers": model.n_layer}
    for how, passes in times.items():
        ratios = [one[0] / bare[0] for one, bare in zip(passes, times[BARE], strict=True)]
        busy = [one[1] / bare[1] for one, bare in zip(passes, times[BARE], strict=True)]
        found[how] = {
            "ms_a_token": 1000 * statistics.median(one[0] for one in passes) / written,
            "cpu_ms_a_token": 1000 * statistics.median(one[1] for one in passes) / written,
            "ratio": statistics.median(ratios),
            "ratio_lowest": min(ratios),
            "ratio_highest": max(ratios),
            "cpu_ratio": statistics.median(busy),
        }
    return found
