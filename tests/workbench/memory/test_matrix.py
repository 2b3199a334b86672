"""Every registered strategy through the shipped matrix."""

import pytest

from workbench.memory.base import MemoryStrategy
from workbench.memory.registry import STRATEGIES, strategy
from workbench.testing import Lane, MemoryMatrix
from workbench.testing.matrix import QUESTION, TURNS


class TestEveryStrategy(MemoryMatrix):
    @pytest.fixture(params=list(STRATEGIES))
    def memory(self, request: pytest.FixtureRequest) -> type[MemoryStrategy]:
        return strategy(request.param)

    def test_says_what_it_is(self, memory: type[MemoryStrategy]) -> None:
        super().test_says_what_it_is(memory)
        assert strategy(memory.name) is memory

    def test_what_was_said_comes_back(self, memory: type[MemoryStrategy]) -> None:
        if memory.name != "think-in-memory":
            super().test_what_was_said_comes_back(memory)
            return
        # Its failure mode: the right thought may be in another bucket than the question.
        lane = Lane(self.make(memory)).observe(*TURNS)
        assert any("library" in lane.state[h.item].text for h in lane.ask(QUESTION).hits)
