"""The author's own tests: the conformance matrix, and what is particular to a diary."""

from diary_memory import Diary

from workbench.testing import Lane, MemoryMatrix


class TestDiary(MemoryMatrix):
    strategy = Diary


def test_a_full_page_is_one_entry_that_names_its_turns() -> None:
    lane = Lane(Diary(page=4)).tell("Mira lives in Oslo.", "Hm.", "Tomas likes tea.", "Yes.")
    assert lane.mind.purposes == ["summarise"]
    assert [i.turns for i in lane.state.active("entry")] == [(0, 1, 2, 3)]
