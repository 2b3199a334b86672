"""The packaged program's entry: one executable that is ``mnemoscope``, and ``mnemoscope-ui`` by that name.

A frozen program has no ``python -m``: the processes that the engine starts are this executable again, told apart by
their first argument.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path


def main() -> int:
    """Run what the executable's name or its first argument says; the exit code."""
    multiprocessing.freeze_support()  # first: in a spawned process this does not return
    _own_libraries_only_here()
    program = sys.argv[1:2]
    if program == ["--try-model"]:
        from workbench.llm.trial import main as try_model

        try_model(Path(sys.argv[2]), "embedding" in sys.argv[3:])
        return 0
    if program == ["--read-parquet"]:
        from workbench.sessions.formats.parquet_rows import main as read_parquet

        return read_parquet(sys.argv[2])
    if "mnemoscope-ui" in _names(Path(sys.argv[0])):
        return _window()
    from workbench.cli import main as command

    return command()


def _names(called: Path) -> list[str]:
    """By which names the program was called: the links on the way to it, whatever a person has called theirs."""
    names = [called.stem.lower()]
    while called.is_symlink() and len(names) < 40:
        called = called.parent / called.readlink()
        names.append(called.stem.lower())
    return names


def _own_libraries_only_here() -> None:
    """The loader's path is PyInstaller's for this process; a browser or file manager that it starts has its own."""
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)


def _window() -> int:
    if sys.stderr is None:  # Windows, no console: what would be printed there must lead somewhere
        from workbench import paths

        sys.stdout = sys.stderr = (paths.user_cache() / "window.log").open("w", encoding="utf-8")
    from ui.app import main as window

    return window()


if __name__ == "__main__":
    sys.exit(main())
