import itertools
import random

import pytest

from workbench.projections.diff import GONE, NEW, SAME, Piece, diff_view, readable, word_diff
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


def _said(view) -> list[tuple[str, list[str]]]:
    return [(kind, [c.item for c in changes]) for kind, changes in view.groups]


def test_a_turn_is_grouped_by_operation(story: TraceReader) -> None:
    view = diff_view(story, 1, 1, 3)
    assert (view.base, view.turn, view.items) == (2, 3, 2)
    assert _said(view) == [
        (Kind.WRITTEN, ["note-2"]),
        (Kind.UPDATED, ["note-0"]),
        (Kind.SUPERSEDED, ["note-0"]),
        (Kind.LINKED, ["note-2"]),
    ]
    superseded = view.groups[2][1][0]
    assert (superseded.other, superseded.other_text, superseded.reason) == (
        "note-2",
        "Mira: I moved to Oslo last week.",
        "newer",
    )
    assert view.groups[1][1][0].cause == view.groups[0][1][0].cause > 0


def test_what_was_lost_is_listed(story: TraceReader) -> None:
    view = diff_view(story, 1, 1, 1)
    assert _said(view) == [(Kind.DROPPED, [""])]
    assert view.changes[0].reason == "not in the schema: expected an object"


def test_against_a_chosen_base_operations_add_up(story: TraceReader) -> None:
    view = diff_view(story, 1, 1, 5, base=0)
    assert _said(view) == [
        (Kind.WRITTEN, ["note-1", "note-2"]),
        (Kind.UPDATED, ["note-0"]),
        (Kind.SUPERSEDED, ["note-0"]),
        (Kind.DELETED, ["note-1"]),
        (Kind.RESTORED, ["note-0"]),
        (Kind.LINKED, ["note-1", "note-2"]),
        (Kind.UNLINKED, ["note-1"]),
        (Kind.DROPPED, [""]),
    ]


def test_the_pair_reads_the_same_both_ways(story: TraceReader) -> None:
    assert diff_view(story, 1, 1, 1, base=4) == diff_view(story, 1, 1, 4, base=1)


def test_same_turn_as_base_is_no_change(story: TraceReader) -> None:
    assert diff_view(story, 1, 1, 3, base=3).groups == ()


def test_updates_sum_to_first_old_and_last_new(tmp_path) -> None:
    from tests.support.traces import _Lane
    from workbench.projections.diff import summed

    lane = _Lane(1, 1)
    log = lane.log(0)
    log.write("a", "fact", heat=1)
    del lane.events[:]
    log.update("fact-0", heat=2, text="b")
    log.update("fact-0", heat=3, text="a")
    (change,) = summed(lane.events, lane.state)
    assert change.count == 2
    assert [(f.name, f.old, f.new) for f in change.fields] == [("heat", "1", "3")]


def test_words_are_compared_not_letters() -> None:
    assert word_diff("Mira lives in Lima", "Mira lives in Oslo now") == (
        Piece(SAME, "Mira lives in "),
        Piece(GONE, "Lima"),
        Piece(NEW, "Oslo now"),
    )
    assert word_diff("", "new") == (Piece(NEW, "new"),)
    assert word_diff("same", "same") == (Piece(SAME, "same"),)
    assert word_diff("", "") == ()


def test_a_changed_phrase_stays_whole() -> None:
    assert word_diff("she has a red old car.", "she has a blue new car.") == (
        Piece(SAME, "she has a "),
        Piece(GONE, "red old"),
        Piece(NEW, "blue new"),
        Piece(SAME, " car."),
    )


@pytest.mark.parametrize("seed", range(30))
def test_both_texts_can_be_read_back(seed: int) -> None:
    rng = random.Random(seed)
    words = ["Mira", "moved", "to", "Lima", " ", "  ", ".", "\n", "zwölf", "東京"]
    old, new = ("".join(rng.choices(words, k=rng.randrange(40))) for _ in range(2))
    pieces = word_diff(old, new)
    assert "".join(p.text for p in pieces if p.op != NEW) == old
    assert "".join(p.text for p in pieces if p.op != GONE) == new
    assert all(a.op != b.op for a, b in itertools.pairwise(pieces))


def test_very_long_texts_are_compared_by_their_ends() -> None:
    old = " ".join(f"a{i}" for i in range(4000))
    pieces = word_diff("same " + old, "same " + old.replace("a", "b") + " tail")
    assert pieces[0] == Piece(SAME, "same ")
    assert [p.op for p in pieces[1:]] == [GONE, NEW]


def test_values_are_readable() -> None:
    assert readable({"a": [1, 2.34567], "b": None}) == "a: 1, 2.35, b: "
    assert readable(True) == "yes"
