"""How much of their contexts answers read: prompt tokens, tokens that the model read of them, seconds of processor.

``python -m tests.benchmarks.bench_answers FILE --model GGUF --lane SPEC … [--probes N] [--capture answers]`` replays a
session's turns through lanes that ask no model to remember (``full``, ``window``, ``bm25`` …) and has each answer the
first N probes, one lane after the other at every probe, as in a run.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Any

from workbench.answering import Asking
from workbench.lanes import LaneSpec
from workbench.llm.base import BackendOptions
from workbench.llm.llama import LlamaBackend
from workbench.llm.open import open_backend
from workbench.memory.items import MemoryState
from workbench.memory.prompt_sets import PromptSet
from workbench.replay import Desk
from workbench.sessions import formats
from workbench.sessions.model import Session


async def answered(session: Session, backend: LlamaBackend, lanes: list[str], probes: int, capture: Any) -> None:
    """Replay and answer; prints a line for every lane."""
    scope = backend.scope
    assert scope is not None
    read = 0
    feed = scope.feed_tapped

    def counted(tokens: Any, *rest: Any, **more: Any) -> Any:
        nonlocal read
        read += len(tokens)
        return feed(tokens, *rest, **more)

    scope.feed_tapped = counted  # type: ignore[method-assign]
    asking = Asking(PromptSet("full"))
    desks = [
        Desk(session, 1, n, LaneSpec.parse(lane).strategy, backend, 0, capture, asking=asking)
        for n, lane in enumerate(lanes, 1)
    ]
    strategies, states = [desk.new_strategy() for desk in desks], [MemoryState() for _ in lanes]
    spent = {lane: [0, 0, 0, 0.0] for lane in lanes}
    todo = sorted(session.probes, key=lambda probe: probe.after)[:probes]
    for turn in session.turns[: todo[-1].after + 1]:
        for desk, strategy, state in zip(desks, strategies, states, strict=True):
            await strategy.observe(turn.neutral(), desk.mind, desk.log(state, turn.index))
        for probe in [probe for probe in todo if probe.after == turn.index]:
            for lane, desk, strategy, state in zip(lanes, desks, strategies, states, strict=True):
                recall = await strategy.recall(probe.question, desk.mind, desk.log(state, turn.index))
                read, began = 0, time.process_time()
                result = (await desk.answer(probe, desk.dated(recall.spans))).result
                assert result is not None
                row = result.completion.prompt_tokens, read, result.completion.generated_tokens
                spent[lane] = [a + b for a, b in zip(spent[lane], (*row, time.process_time() - began), strict=True)]
    for lane, (prompt, tokens, generated, seconds) in spent.items():
        print(
            f"{lane}: {len(todo)} answers, {prompt:,} prompt tokens, {tokens:,} tokens read, {generated:,} written, "
            f"{seconds:.1f} s of processor",
            flush=True,
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--lane", action="append", required=True)
    parser.add_argument("--probes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--capture", default="off")
    options = parser.parse_args()
    session = formats.read(options.file)[0]
    backend = open_backend(BackendOptions(options.model, threads=options.threads, sequences=1))
    assert isinstance(backend, LlamaBackend)
    try:
        asyncio.run(answered(session, backend, options.lane, options.probes, options.capture))
    finally:
        backend.close()


if __name__ == "__main__":
    main()
