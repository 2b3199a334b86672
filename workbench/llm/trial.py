"""A model file that nobody vouches for is tried in a process of its own before this one opens it.

llama.cpp ends the process at what it did not expect, and a chat template is a program. So the header is checked, the
template is rendered and a token is computed in a child with little time and memory; what goes wrong there is one line
that blames the model. A file that has passed is remembered by its path, size and time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from workbench import paths
from workbench.errors import ModelError
from workbench.llm.gguf_file import GGUFHeader, read_header, remembered

SECONDS = 60.0
"""For the whole trial; loading a large file from a slow disk takes most of it."""
_TEMPLATE_SECONDS = 5.0
_TEMPLATE_LENGTH = 100_000  # characters; templates of today write a few hundred around a message
_WHOLE = 2 << 30  # bytes up to which weights are loaded for the trial; of larger files only header and vocabulary
_MEMORY = 4 << 30  # bytes beside the file's own size
_OTHER = "choose another model, or get the file again"


def proved(path: Path, embedding: bool = False) -> Path:
    """The path, when the model can be opened.

    Raises:
        ModelError: what is wrong with the file.
    """
    header = read_header(path)
    check_figures(header)
    if path.resolve().parent == (paths.resources() / "models").resolve():
        return path  # ships with the program, or was checked by its sha256 when it was set up
    remembered(path, "model-trials.json", lambda: _tried(path, embedding) or "sound")
    return path


def check_figures(header: GGUFHeader) -> None:
    """Raise ``ModelError`` for figures at which llama.cpp would end the process or divide by zero."""
    for key, most in _FIGURES.items():
        value = header.of_architecture(key)
        if isinstance(value, int) and not 1 <= value <= most:
            raise ModelError(f"{header.path} cannot be used as a model: its {key} is {value:,}", _OTHER)
    width, heads = header.of_architecture("embedding_length"), header.of_architecture("attention.head_count")
    if isinstance(width, int) and isinstance(heads, int) and heads > width:
        raise ModelError(f"{header.path} cannot be used as a model: {heads:,} heads for a width of {width:,}", _OTHER)


_FIGURES = {
    "block_count": 512,  # LLAMA_MAX_LAYERS
    "embedding_length": 1 << 20,
    "context_length": 1 << 31,
    "attention.head_count": 1 << 16,
    "attention.head_count_kv": 1 << 16,
    "expert_count": 1 << 12,
    "vocab_size": 1 << 24,
}
"""The most of each; the least is 1."""


def _tried(path: Path, embedding: bool) -> str:
    """Raise what the child found; "" when it found nothing."""
    from workbench.llm.library import library

    library()  # when llama.cpp itself is missing, the model is not to blame
    command = [sys.executable, "-m", "workbench.llm.trial", str(path), *["embedding"] * embedding]
    if getattr(sys, "frozen", False):
        command[1:3] = ["--try-model"]  # packaging/program.py
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, env=environment, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        what = _last(error.stdout or b"").get("doing", "it is opened")
        raise ModelError(f"{path} cannot be used as a model: nothing happens while {what}", _OTHER) from error
    found = _last(done.stdout)
    if "wrong" in found:
        if found["wrong"]:
            raise ModelError(f"{path} cannot be used as a model: {found['wrong']}", _OTHER)
        return ""
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    why = next((line for line in lines if "ASSERT" in line or "error" in line.lower()), f"exit {done.returncode}")
    what = found.get("doing", "it is opened")
    raise ModelError(f"{path} cannot be used as a model: llama.cpp ends while {what} ({why[-200:]})", _OTHER)


def _last(output: bytes) -> dict[str, Any]:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.startswith("{")]
    try:
        return dict(json.loads(lines[-1])) if lines else {}
    except ValueError:
        return {}


# In the child ---------------------------------------------------------------------------------------------------------


def main(path: Path, embedding: bool) -> None:
    """Try the model; the last line of standard output says what is wrong, "" for nothing."""
    _limit(path.stat().st_size + _MEMORY)
    try:
        wrong = "" if embedding else _template(path)
        if not wrong:
            _say(doing="a token is computed")
            wrong = _compute(path, embedding)
    except ModelError as error:
        wrong = error.what.removeprefix(f"{path} ")
    except MemoryError:
        wrong = "it takes more memory than it should"
    _say(wrong=wrong)


def _say(**what: str) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _limit(memory: int) -> None:
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _template(path: Path) -> str:
    """What is wrong with the chat template."""
    from workbench.llm.chat import rendered_once

    source = read_header(path).metadata.get("tokenizer.chat_template", "")
    _say(doing="its chat template is rendered")
    late = threading.Timer(_TEMPLATE_SECONDS, _too_late)
    late.daemon = True
    late.start()
    try:
        length = rendered_once(str(source))
    except ModelError as error:
        return error.what
    except (MemoryError, RecursionError, ArithmeticError, ValueError, TypeError, LookupError) as error:
        return f"its chat template fails ({type(error).__name__} {error})"[:300]
    finally:
        late.cancel()
    return f"its chat template writes {length:,} characters around a word" if length > _TEMPLATE_LENGTH else ""


def _too_late() -> None:
    _say(wrong=f"its chat template does not end within {_TEMPLATE_SECONDS:.0f} s")
    os._exit(0)


def _compute(path: Path, embedding: bool) -> str:
    """Load the file and compute a token of it; of a large file only what its header says is loaded."""
    import numpy as np

    from workbench.llm.context import FLASH_OFF, Context, ContextOptions
    from workbench.llm.model import Model

    whole = path.stat().st_size <= _WHOLE
    model = Model(path, gpu_layers=0, embedding=embedding, vocabulary_only=not whole)
    if not model.has_tokenizer:
        return "it has no vocabulary"
    tokens = model.tokenize("a", special=False)
    if whole and not embedding and len(tokens):
        context = Context(model, ContextOptions(size=256, threads=1, batch=32, ubatch=32, flash=FLASH_OFF))
        context.fill(0, np.asarray(tokens[:8], np.int32), 0, 0)
        context.decode(len(tokens[:8]))
        context.close()
    model.close()
    return ""


if __name__ == "__main__":
    main(Path(sys.argv[1]), "embedding" in sys.argv[2:])
