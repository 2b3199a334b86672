"""Where things lie: what ships with the program (read only) and what belongs to the user (platformdirs).

What ships is looked for in this order: the folder a frozen program unpacks to (PyInstaller's ``sys._MEIPASS``),
the checkout that holds this file, and ``share/mnemoscope`` of the installation.
"""

import os
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

import platformdirs

from workbench.errors import MnemoscopeError

APP = "mnemoscope"
DEMO_MODEL = "mnemoscope-demo.gguf"
EMBEDDING_MODEL = "all-MiniLM-L6-v2.Q8_0.gguf"


def _candidates() -> list[Path]:
    frozen = getattr(sys, "_MEIPASS", None)
    found = [Path(frozen)] if frozen else []
    return [*found, Path(__file__).resolve().parent.parent, Path(sysconfig.get_path("data")) / "share" / APP]


@lru_cache(maxsize=1)
def root() -> Path:
    """The folder that holds ``resources/`` and ``sample_sessions/``.

    Raises:
        MnemoscopeError: when the installation has lost them.
    """
    for folder in _candidates():
        if (folder / "resources").is_dir():
            return folder
    tried = ", ".join(str(folder) for folder in _candidates())
    raise MnemoscopeError(f"no folder resources/ in {tried}", "install Mnemoscope again")


def resources() -> Path:
    """Icons, themes, help, the model catalogue and ``models/``; read only."""
    return root() / "resources"


def sample_sessions() -> Path:
    """The sessions and the recorded run that ship with the program; read only."""
    return root() / "sample_sessions"


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"the folder {folder} cannot be made ({error.strerror})"
        raise MnemoscopeError(what, "set MNEMOSCOPE_HOME to a folder that you can write") from error
    return folder


def user_data() -> Path:
    """The user's own folder for runs, models and settings; made when absent. ``MNEMOSCOPE_HOME`` moves it."""
    home = os.environ.get("MNEMOSCOPE_HOME")
    return _made(Path(home) if home else Path(platformdirs.user_data_dir(APP, appauthor=False)))


def user_cache() -> Path:
    """The user's folder for what can be made again (logs, thumbnails); made when absent; see :func:`user_data`."""
    home = os.environ.get("MNEMOSCOPE_HOME")
    return _made(Path(home) / "cache" if home else Path(platformdirs.user_cache_dir(APP, appauthor=False)))


def runs() -> Path:
    """Where a run goes when no ``--out`` is given; made when absent."""
    return _made(user_data() / "runs")


def models() -> Path:
    """The user's own GGUF files; made when absent."""
    return _made(user_data() / "models")


def model_folders() -> list[Path]:
    """Folders that are searched for a model by its file name: the shipped one first, then the user's."""
    shipped = [resources() / "models"]
    try:
        return [*shipped, models()]
    except MnemoscopeError:
        return shipped  # nothing of the user's where no folder of the user's can be


def find_model(name: str) -> Path | None:
    """The GGUF of that file name in :func:`model_folders`, or None when it is in none of them."""
    return next((folder / name for folder in model_folders() if (folder / name).is_file()), None)


def embedding_model() -> Path | None:
    """The sentence-embedding model that set-up obtained, or None when there is none (packaging/minilm.py)."""
    return find_model(EMBEDDING_MODEL)
