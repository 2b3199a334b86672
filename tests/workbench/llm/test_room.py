"""How long a context is when nobody says."""

import pytest

from workbench.errors import ModelError
from workbench.llm.room import check_room, default_room

GIB = 2**30


def test_as_long_as_the_model_was_trained_for_where_memory_allows() -> None:
    assert default_room(8192, 23_000, 8, 16 * GIB) == (8192, 8)
    assert default_room(2048, 4_000, 1, GIB) == (2048, 1)
    assert default_room(0, 4_000, 8, 16 * GIB) == (4096, 8)


def test_sequences_are_given_up_before_context() -> None:
    size, at_once = default_room(32_768, 57_344, 8, 16 * GIB)
    assert size == 32_768 and 2 <= at_once < 8
    size, at_once = default_room(131_072, 131_072, 8, 16 * GIB)
    assert at_once == 2 and 2048 <= size < 131_072 and 3 * size * 131_072 <= 0.6 * 16 * GIB
    assert default_room(131_072, 500_000, 8, GIB // 4) == (2048, 2)


def test_a_context_that_memory_cannot_hold_is_refused_with_one_that_it_can() -> None:
    check_room(8192, 23_000, 8, 16 * GIB)
    with pytest.raises(ModelError, match=r"1,000,000 tokens takes about 192\.8 GiB, 16\.0 GiB are free.*--context \d+"):
        check_room(1_000_000, 23_000, 8, 16 * GIB)
