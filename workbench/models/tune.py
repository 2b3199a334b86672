"""Which quantisation of a model is fastest on this machine, and what it costs in its predictions.

On a CPU the form decides how fast prompts are read, and memory systems mostly read. The original is always kept.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import paths
from workbench.errors import Cancelled, MnemoscopeError, ModelError, UsageError
from workbench.llm.context import Context, ContextOptions
from workbench.llm.cores import cpu_threads
from workbench.llm.gguf_file import sha256
from workbench.llm.model import Model, Tokens
from workbench.models import store
from workbench.models.quantise import FORMS, quantise
from workbench.models.store import Installed

READ, WRITTEN, COMPARED = 512, 24, 128
"""Tokens of a prompt, tokens generated, and positions at which predictions are compared."""
REPEATS = 3
WORTH = 1.1
"""A form is kept when it reads prompts so many times as fast as the original."""
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Form:
    """A quantisation, measured.

    Attributes:
        name: what it is called as a model; ``original`` says whether it is the file at hand.
        reads, writes: tokens per second of a prompt of 512 tokens and of generation, the best of three.
        kl: mean divergence of its next-token predictions from the original's, in nats.
        same: share of positions at which both think the same token most likely.
        kept: whether it was installed.
    """

    name: str
    original: bool
    bytes: int
    reads: float
    writes: float
    kl: float
    same: float
    kept: bool
    threads: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


def tune(
    name: str,
    threads: int | None = None,
    note: Note = lambda _: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Form]:
    """Measure an installed model and its other forms; keep those that read prompts faster.

    Args:
        note: told in words what is being done.
        progress: bytes of the file that is being written, of how many.

    Raises:
        UsageError: when no such model is installed, or it is itself such a form.
        Cancelled: when cancelled.
        ModelError: when it cannot be loaded or quantised.
    """
    model = store.find(name)
    if model is None or not model.there:
        raise UsageError(f"no model {name!r} is installed", f"`mnemoscope models get {name}` first")
    if model.source == "quantised":
        raise UsageError(f"{name} was made from another model", "tune that one")
    count = threads or cpu_threads()
    note(f"measuring {name}")
    first = _measured(model.file, count)
    found = [Form(name, True, model.bytes, first.reads, first.writes, 0.0, 1.0, True, count)]
    store.put(replace(model, measured=dict(model.measured) | _figures(found[0])))
    for form in FORMS:
        found.append(_try(model, form, first, count, note, progress, cancelled))
    return found


def aside(
    name: str,
    threads: int | None = None,
    note: Note = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Form]:
    """As :func:`tune`, in a process of its own: llama.cpp ends the process at what it did not expect.

    Raises:
        Cancelled: when cancelled.
        MnemoscopeError: as ``tune``, and when the process ended.
    """
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, name, threads))
    process.start()
    theirs.close()
    try:
        while True:
            if cancelled():
                raise Cancelled(f"{name}: cancelled")
            if not ours.poll(0.1):
                continue
            try:
                kind, said = ours.recv()
            except EOFError:
                raise ModelError(f"llama.cpp ended while {name} was measured", "use it as it is") from None
            if kind == "note":
                note(said)
            elif kind == "error":
                raise ModelError(*said)
            else:
                return [Form(**form) for form in said]
    finally:
        _end(ours, process)


def _end(pipe: Connection, process: BaseProcess) -> None:
    """Let the process go: told first, so that it takes its own children with it."""
    with suppress(OSError):
        pipe.send("cancel")
    process.join(1.0)
    process.kill()
    process.join()
    pipe.close()


def _serve(pipe: Connection, name: str, threads: int | None) -> None:
    def note(said: str) -> None:
        if pipe.poll():
            raise Cancelled("")
        pipe.send(("note", said))

    try:
        found = tune(name, threads, note, cancelled=pipe.poll)
        pipe.send(("done", [form.to_json() for form in found]))
    except Cancelled:
        pipe.close()
    except MnemoscopeError as error:
        pipe.send(("error", (error.what, error.remedy)))


def _try(
    model: Installed,
    form: str,
    first: _Measured,
    threads: int,
    note: Note,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool],
) -> Form:
    name = f"{model.name}-{form.replace('_', '')}"
    out = paths.models() / f"{name}.gguf"
    note(f"writing {name}")
    quantise(model.file, out, form, first.parameters, threads, progress, cancelled)
    note(f"measuring {name}")
    now = _measured(out, threads)
    kl, same = divergence(first.predictions, now.predictions)
    kept = now.reads >= WORTH * first.reads
    size = out.stat().st_size
    made = Form(name, False, size, now.reads, now.writes, kl, same, kept, threads)
    if kept:
        figures = _figures(made) | {"of": model.name}
        store.put(Installed(name, out, size, sha256(out), "quantised", True, figures))
    else:
        out.unlink()
        if store.find(name) is not None:
            store.remove(name)
    return made


def _figures(form: Form) -> dict[str, Any]:
    more = {} if form.original else {"kl": round(form.kl, 4), "same": round(form.same, 3)}
    return {"reads": round(form.reads, 1), "writes": round(form.writes, 1), "threads": form.threads} | more


def divergence(original: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """KL(original || other) in nats, the mean over positions, and the share of positions with the same first choice.

    Args:
        original, other: log-probabilities ``[position, vocabulary]``.
    """
    each = (np.exp(original) * (original - other)).sum(axis=1)
    return float(each.mean()), float((original.argmax(1) == other.argmax(1)).mean())


@dataclass(frozen=True, slots=True)
class _Measured:
    reads: float
    writes: float
    parameters: int
    predictions: NDArray[np.float32]


def _measured(path: Path, threads: int) -> _Measured:
    model = Model(path)
    context = None
    try:
        context = Context(model, ContextOptions(size=READ + WRITTEN + 8, threads=threads, batch=READ))
        tokens = _tokens(model)
        reads = max(_read(context, tokens) for _ in range(REPEATS))
        writes = max(_write(context, tokens) for _ in range(REPEATS))
        return _Measured(reads, writes, model.n_params, _predict(context, tokens))
    finally:
        if context is not None:
            context.close()
        model.close()


def _tokens(model: Model) -> Tokens:
    """Natural text, as long as is needed; repeated where the sample is too short for the vocabulary."""
    text = "\n".join(_sample())
    tokens = model.tokenize(text, special=False)
    return np.resize(tokens, READ) if len(tokens) < READ else tokens[:READ]


def _sample() -> Sequence[str]:
    from workbench.sessions import formats

    (session,) = formats.read(paths.sample_sessions() / "repair-cafe.json")
    return [turn.said for turn in session.turns]


def _read(context: Context, tokens: Tokens) -> float:
    context.clear()
    count = context.fill(0, tokens, 0, 0)
    context.wants[count - 1] = 1
    began = time.perf_counter()
    context.decode(count)
    context.logits(1)
    return count / (time.perf_counter() - began)


def _write(context: Context, tokens: Tokens) -> float:
    """After a prompt that is in the cache already: generation starts from position ``READ``."""
    context.forget(0, len(tokens))
    began = time.perf_counter()
    for step in range(WRITTEN):
        context.put(0, int(tokens[step]), len(tokens) + step, 0)
        context.decode(1)
        context.logits(1)
    return WRITTEN / (time.perf_counter() - began)


def _predict(context: Context, tokens: Tokens) -> NDArray[np.float32]:
    context.clear()
    part = tokens[: 2 * COMPARED]
    count = context.fill(0, part, 0, 0)
    context.wants[count - COMPARED : count] = 1
    context.decode(count)
    logits = context.logits(COMPARED).astype(np.float32)
    top = logits.max(axis=1, keepdims=True)
    norm: NDArray[np.float32] = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
    return logits - norm
