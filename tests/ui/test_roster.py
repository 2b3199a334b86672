"""Which lanes are on show, and in which order."""

from typing import Any

import pytest

from ui.state.roster import Arrangement, Roster

LANES = {1: "full", 2: "window", 3: "bm25", 4: "dense", 5: "a-mem"}


@pytest.fixture
def roster(qapp: Any) -> Roster:
    made = Roster()
    made.open(LANES)
    made.select(5)
    return made


def test_every_lane_is_on_show_in_the_order_of_the_run(roster: Roster) -> None:
    assert roster.shown() == (1, 2, 3, 4, 5)
    assert not roster.arranged and not roster.hidden() and not roster.can_undo


def test_lanes_are_hidden_and_shown_but_never_all_hidden(roster: Roster) -> None:
    assert all(roster.hide(lane) for lane in (1, 2, 3, 4))
    assert roster.shown() == (5,)
    assert not roster.hide(5)
    assert roster.hidden() == ("full", "window", "bm25", "dense")
    roster.select(3)  # selecting a hidden lane, from the palette or by going back, shows it
    assert roster.shown() == (3, 5)
    roster.show_all()
    assert roster.shown() == (1, 2, 3, 4, 5)


def test_lanes_move_past_neighbours_on_show_and_stop_at_the_ends(roster: Roster) -> None:
    roster.hide(4)
    assert roster.move(5, -1)
    assert roster.shown() == (1, 2, 5, 3)  # past the hidden one, too
    assert roster.move(5, -9) and not roster.move(5, -1)
    assert roster.shown() == (5, 1, 2, 3)
    assert roster.put(5, 3)
    assert roster.shown() == (1, 2, 3, 5)
    assert not roster.put(5, 5) and not roster.put(5, 77)


def test_pinned_lanes_stand_first_and_stay_beside_one_alone(roster: Roster) -> None:
    roster.pin(3)
    assert roster.shown() == (3, 1, 2, 4, 5)
    assert not roster.put(5, 3)  # nothing goes before a pinned one
    roster.set_alone(True)
    assert roster.shown() == (3, 5)
    roster.select(2)
    assert roster.shown() == (3, 2)
    assert roster.steps() == (3, 1, 2, 4, 5)
    roster.pin(3)
    assert roster.shown() == (2,)


def test_every_change_is_taken_back_one_by_one(roster: Roster) -> None:
    seen = [roster.now]
    for change in (
        lambda: roster.hide(1), lambda: roster.move(5, -2), lambda: roster.pin(4), lambda: roster.set_alone(True),
        roster.show_all, roster.reset,
    ):  # fmt: skip
        change()
        seen.append(roster.now)
    assert len(set(seen[:-1])) == 6 and seen[-1] == Arrangement()
    for before in reversed(seen[:-1]):
        roster.undo()
        assert roster.now == before
    assert not roster.can_undo


def test_an_arrangement_survives_as_json_and_a_damaged_one_is_none() -> None:
    kept = Arrangement(("b", "a"), frozenset({"a"}), frozenset({"b"}), True)
    assert Arrangement.of(kept.row()) == kept
    for broken in (None, 3, [], {"order": "ab", "hidden": 4, "pinned": [1], "alone": "yes"}):
        assert Arrangement.of(broken) == Arrangement()


def test_one_that_hides_every_lane_shows_them(qapp: Any) -> None:
    roster = Roster()
    roster.open({1: "a"}, Arrangement(hidden=frozenset({"a"})))
    assert roster.shown() == (1,)


def test_a_new_lane_is_on_show_at_the_end(roster: Roster) -> None:
    roster.move(5, -4)
    roster.grew(LANES | {6: "a-mem@3"})
    assert roster.shown() == (5, 1, 2, 3, 4, 6)


def test_what_belongs_to_lanes_follows_their_arrangement(roster: Roster) -> None:
    roster.hide(1)
    roster.move(5, -3)
    assert roster.arrange("abcde", lambda c: ord(c) - 96) == ("e", "b", "c", "d")
    assert roster.arrange("az", lambda c: ord(c) - 96) == ("z",)  # a lane that is not known yet


def test_the_nearest_lane_takes_the_place_of_a_hidden_one(roster: Roster) -> None:
    roster.hide(2)
    assert (roster.nearest(2), roster.nearest(1)) == (3, 1)
    roster.hide(5)
    assert roster.nearest(5) == 4
