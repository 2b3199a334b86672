"""Token counts: each text once, no text kept, no more kept than asked for."""

import gc
import weakref

from workbench.llm.counts import TokenCounts


class Prompt(str):
    """A text whose end can be watched."""

    __slots__ = ("__weakref__",)


def test_a_text_is_counted_once_until_another_takes_its_place() -> None:
    asked: list[str] = []

    def count(text: str) -> int:
        asked.append(text)
        return len(text)

    counts = TokenCounts(count)
    assert [counts(t) for t in ("a", "bb", "a", "", "ccc", "a", "bb", "")] == [1, 2, 1, 0, 3, 1, 2, 0]
    assert asked == ["a", "bb", "", "ccc"]
    assert counts("\ud800 half a pair") == 13
    asked.clear()
    single = TokenCounts(count, size=1)
    assert [single(t) for t in ("a", "a", "bb", "a")] == [1, 1, 2, 1] and asked == ["a", "bb", "a"]


def test_no_text_is_kept() -> None:
    counts = TokenCounts(len)
    prompt = Prompt("a prompt of many pages")
    gone = weakref.ref(prompt)
    assert counts(prompt) == 22
    del prompt
    gc.collect()
    assert gone() is None
