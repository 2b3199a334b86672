"""For authors of memory strategies: the conformance matrix and its doubles, and a pytest plugin.

The plugin (``-p workbench.testing``) adds ``--memory SPEC``, which ``workbench.testing.run`` tests.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.register_assert_rewrite("workbench.testing.matrix", "workbench.testing.minds")

from workbench.testing.matrix import MemoryMatrix  # noqa: E402
from workbench.testing.minds import Lane, Mind, ScriptedMind  # noqa: E402

__all__ = ["Lane", "MemoryMatrix", "Mind", "ScriptedMind"]


def pytest_addoption(parser: Any) -> None:
    """The option ``--memory``."""
    parser.addoption("--memory", metavar="SPEC", help="a registered name or path/to/file.py:Class, for the matrix")


def pytest_report_header(config: pytest.Config) -> str:
    """Which strategy is tested."""
    return f"memory under test: {config.getoption('--memory') or 'none (--memory SPEC)'}"
