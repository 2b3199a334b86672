"""Fixtures that every test may use. Qt is told to draw offscreen before anything can import it."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as workbench does; NumPy may be imported before it
# Nothing in the test suite may reach out: Chroma's telemetry is off, and no library looks for a model hub.
os.environ.setdefault("ANONYMIZED_TELEMETRY", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("MNEMOSCOPE_SHARED") or ROOT.parent / "shared")


def _folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: real {name} lie beside the checkout, or where MNEMOSCOPE_SHARED says")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real sessions (LoCoMo, LongMemEval, …) in ``../shared/data``; skips with a reason where it is absent."""
    return _folder("data")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Real GGUF files in ``../shared/models``; skips with a reason where it is absent."""
    return _folder("models")


@pytest.fixture(scope="session")
def cases() -> Path:
    """Files that once failed, in ``../shared/cases``; skips with a reason where it is absent."""
    return _folder("cases")
