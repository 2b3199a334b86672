"""The example of CONTRIBUTING.md is a strategy that passes the matrix."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.minds import BROKEN, Lane, span_texts
from tests.workbench.memory import test_matrix as matrix
from workbench.lanes import LaneSpec
from workbench.memory import registry
from workbench.trace.events import Kind


@pytest.fixture
def diary(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The example, registered as the page says."""
    text = (root / "CONTRIBUTING.md").read_text()
    module, line = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    name, where = re.findall(r'"([^"]+)"', line)
    assert where == "workbench.memory.diary:Diary"
    (tmp_path / "diary_example.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(registry.STRATEGIES, name, "diary_example:Diary")
    yield name
    sys.modules.pop("diary_example", None)


CHECKS = [
    v
    for n, v in vars(matrix).items()
    if n.startswith("test_") and n != "test_a_bad_answer_is_on_record_and_loses_nothing"
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_the_example_passes_the_matrix(diary: str, check: Callable[[str], None]) -> None:
    check(diary)


@pytest.mark.parametrize("how", BROKEN)
def test_the_example_loses_nothing(diary: str, how: str) -> None:
    matrix.test_a_bad_answer_is_on_record_and_loses_nothing(diary, how)


def test_the_example_does_what_the_page_says(diary: str) -> None:
    lane = Lane(LaneSpec.parse("diary:page=4").strategy()).tell(
        "Mira lives in Oslo.", "Hm.", "Tomas likes tea.", "Yes."
    )
    assert lane.mind.purposes == ["summarise"] and lane.count(Kind.EVICTED) == 4
    assert [i.turns for i in lane.state.active("entry")] == [(0, 1, 2, 3)]
    lane.tell("Ines plays chess.")
    assert span_texts(lane.ask("Where does Mira live?"))[-1] == "Mira: Ines plays chess."
