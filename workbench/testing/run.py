"""The matrix on one strategy: ``pytest -p workbench.testing --memory SPEC --pyargs workbench.testing.run``."""

from __future__ import annotations

import pytest

from workbench.memory.base import MemoryStrategy
from workbench.memory.registry import strategy
from workbench.testing.matrix import MemoryMatrix


class TestMemory(MemoryMatrix):
    """The strategy that was named."""

    @pytest.fixture
    def memory(self, pytestconfig: pytest.Config) -> type[MemoryStrategy]:
        """The class at ``--memory``."""
        named = pytestconfig.getoption("--memory")
        if not named:
            pytest.skip("no --memory SPEC was given")
        return strategy(named)
