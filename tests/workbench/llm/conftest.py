"""A small random model, written once per test session, and backends on it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.support.gguf_models import Shape, write_model
from workbench.llm.base import BackendOptions
from workbench.llm.llama import LlamaBackend
from workbench.llm.open import open_backend

SHAPE = Shape(layers=3, width=96, heads=6, kv_heads=3, inner=192, context=2048)


@pytest.fixture(scope="session")
def shape() -> Shape:
    return SHAPE


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    path = tmp_path_factory.mktemp("models") / "random.gguf"
    return path, write_model(path, SHAPE)


@pytest.fixture(scope="session")
def model_path(random_model: tuple[Path, dict[str, np.ndarray]]) -> Path:
    return random_model[0]


@pytest.fixture(scope="session")
def weights(random_model: tuple[Path, dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return random_model[1]


@pytest.fixture(scope="module")
def backend(model_path: Path) -> Iterator[LlamaBackend]:
    """Full-precision cache, so that comparisons are about arithmetic and not about rounding of keys."""
    options = BackendOptions(str(model_path), "hash", context=1024, threads=1, extra={"kv_type": "f32"})
    opened = open_backend(options)
    assert isinstance(opened, LlamaBackend)
    yield opened
    opened.close()
