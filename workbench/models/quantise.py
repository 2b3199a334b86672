"""A model in another quantisation, by llama.cpp's own quantiser, in a process that can be ended at any moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from workbench.errors import Cancelled, ModelError

FORMS = {"q8_0": 7, "q4_0": 2}
"""Name and ``llama_ftype``: the two that a CPU reads prompts fastest from, since their blocks are plain."""
BITS = {"q8_0": 8.5, "q4_0": 4.5}
"""Per weight, scales included; tells about how large the file will be."""
TICK = 0.1


def quantise(
    source: Path,
    out: Path,
    form: str,
    parameters: int,
    threads: int,
    progress: Callable[[int, int], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> None:
    """Write ``source`` in another form; ``out`` appears only when it is whole.

    What is quantised already loses a little more each time: the measured divergence says how much.

    Args:
        parameters: how many weights it has, for the progress.

    Raises:
        Cancelled: when cancelled.
        ModelError: when llama.cpp cannot.
    """
    part = out.with_name(f"{out.name}.part")
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    process = spawn.Process(target=_quantise, args=(theirs, str(source), str(part), FORMS[form], threads), daemon=True)
    process.start()
    theirs.close()
    total = int(parameters * BITS[form] / 8)
    try:
        while not ours.poll(TICK):
            with suppress(OSError):
                progress(min(part.stat().st_size, total), total)
            if cancelled():
                raise Cancelled(f"{out.name}: cancelled")
        why = _told(ours)
        if why:
            raise ModelError(f"{source.name} cannot be written as {form}: {why}", "use it as it is")
        part.replace(out)
    finally:
        process.kill()
        process.join()
        ours.close()
        part.unlink(missing_ok=True)


def _told(pipe: Connection) -> str:
    try:
        return str(pipe.recv())
    except EOFError:
        return "llama.cpp ended the process"


def _quantise(pipe: Connection, source: str, out: str, form: int, threads: int) -> None:
    """The quantising process: sends why it could not, or ""."""
    import ctypes

    from workbench.llm.library import library

    try:
        lib = library()
        params = lib.C.llama_model_quantize_default_params()
        params.ftype, params.nthread, params.allow_requantize = form, threads, True
        lib.log.clear()
        code = lib.C.llama_model_quantize(source.encode(), out.encode(), ctypes.byref(params))
        pipe.send("" if code == 0 else lib.reason() or f"code {code}")
    except ModelError as error:
        pipe.send(error.what)
