"""Contexts that made room for others: the longer of two beginnings stays, what is worth least goes."""

import numpy as np

from workbench.llm.model import Tokens, common_prefix
from workbench.llm.scope import Snapshot
from workbench.llm.shelf import STALE, Shelf


def prompt(*ranges: tuple[int, int]) -> Tokens:
    return np.concatenate([np.arange(*bounds) for bounds in ranges]).astype(np.int32)


def snapshot(prompt: Tokens) -> Snapshot:
    return Snapshot(np.zeros(len(prompt) * 6, np.uint8), len(prompt))  # ten bytes a token with the prompt's own


def test_a_context_that_went_on_replaces_its_beginning() -> None:
    shelf = Shelf(10**6)
    short, long = prompt((0, 256)), prompt((0, 512))
    shelf.put(short, snapshot(short), 1, 3)
    assert shelf.has(short) and not shelf.has(long)
    shelf.put(long, snapshot(long), 2, 0)
    assert shelf.has(short) and shelf.has(long) and shelf.size == 5120
    entry, count = shelf.best(lambda known: common_prefix(known, short), 0) or (None, 0)
    assert entry is not None and count == 256 and entry.wanted == 3
    shelf.clear()
    assert shelf.size == 0 and shelf.best(len, 0) is None


def test_it_never_holds_more_than_it_may_and_loses_what_is_worth_least() -> None:
    shelf = Shelf(10_000)
    wanted, old, young = prompt((0, 300)), prompt((1000, 1300)), prompt((2000, 2300))
    shelf.put(wanted, snapshot(wanted), 1, 5)
    shelf.put(old, snapshot(old), 2, 0)
    shelf.put(young, snapshot(young), 9, 0)
    shelf.put(prompt((3000, 3300)), snapshot(young), 10, 0)
    assert shelf.size <= 10_000 and not shelf.has(old)
    assert shelf.has(wanted) and shelf.has(young)
    assert not shelf.takes(10_001)


def test_what_nobody_has_asked_about_for_long_is_given_up() -> None:
    shelf = Shelf(10**6)
    left, asked = prompt((0, 300)), prompt((1000, 1300))
    shelf.put(left, snapshot(left), 1, 0)
    shelf.put(asked, snapshot(asked), 1, 0)
    found = shelf.best(lambda known: common_prefix(known, asked), 0)
    assert found is not None
    found[0].used = 40
    shelf.put(prompt((2000, 2300)), snapshot(left), 1 + STALE, 0)
    assert shelf.has(left) and shelf.has(asked)
    shelf.put(prompt((3000, 3300)), snapshot(left), 2 + STALE, 0)
    assert not shelf.has(left) and shelf.has(asked)


def test_what_is_hardly_longer_than_what_is_at_hand_is_not_put_back() -> None:
    shelf = Shelf(10**6)
    long = prompt((0, 6400))
    shelf.put(long, snapshot(long), 1, 0)
    shared = prompt((0, 256), (9000, 9100))
    assert shelf.best(lambda known: common_prefix(known, shared), 128) is not None
    assert shelf.best(lambda known: common_prefix(known, shared), 200) is None  # 100 tokens' time for 56
