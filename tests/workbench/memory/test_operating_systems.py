"""MemOS, MemoryOS, MIRIX and Letta against their cards (memory.md 1.7, 1.9, 1.22, 1.24)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.minds import Lane, Mind, span_texts
from workbench.memory.strategies.letta import Letta
from workbench.memory.strategies.memory_os import MemoryOS
from workbench.memory.strategies.memos import MemOS
from workbench.memory.strategies.mirix import MIRIX
from workbench.sessions.model import Turn
from workbench.trace.events import Kind

OSLO, LIMA = "Mira lives in Oslo.", "Mira lives in Lima."
MERGE = {"memory": [{"event": "UPDATE", "id": 0, "text": "Mira moved from Oslo to Lima."}]}
NO = {"memory": [{"event": "DELETE", "id": 0, "text": ""}]}


def test_memos_merges_a_contradiction_into_a_new_node() -> None:
    lane = Lane(MemOS(similar=0.7), Mind({"decide": [MERGE]})).tell(OSLO, LIMA)
    assert lane.mind.purposes == ["facts", "facts", "relate", "decide"]
    assert lane.texts() == ["Mira moved from Oslo to Lima."]
    merged = lane.state.active()[0]
    assert merged.turns == (0, 1) and merged.fields["version"] == 2
    assert {k for k in lane.state.links} == {
        ("memory-0", "memory-2", "MERGED_TO"),
        ("memory-1", "memory-2", "MERGED_TO"),
    }
    assert {lane.state[f"memory-{n}"].status for n in (0, 1)} == {"merged"}


def test_memos_drops_the_older_when_the_resolver_says_no() -> None:
    lane = Lane(MemOS(similar=0.7), Mind({"decide": [NO]})).tell(OSLO, LIMA)
    assert lane.texts() == [LIMA] and lane.state["memory-0"].status == "superseded"


def test_memos_keeps_the_window_when_the_extraction_fails() -> None:
    lane = Lane(MemOS(), Mind(broken="cut off")).tell(OSLO)
    assert lane.texts() == [f"Mira: {OSLO}"] and lane.losses() == ["not in the schema"]


def test_memos_keeps_windows_as_they_are_in_fast_mode() -> None:
    lane = Lane(MemOS(mode="fast")).tell(OSLO)
    assert lane.texts() == [f"Mira: {OSLO}"] and lane.mind.calls == [] and lane.losses() == []


def test_memos_bounds_its_tiers() -> None:
    lane = Lane(MemOS(user=3, working=2, similar=2)).tell(*(f"Mira bought {w}." for w in ("tea", "jam", "rye", "ham")))
    assert [i.fields["working"] for i in lane.state.active()] == [False, True, True]
    assert lane.count(Kind.EVICTED) == 1
    lane.observe(Turn(4, "assistant", "Tomas sells green apples.", "assistant"))
    assert lane.state.active()[-1].fields["tier"] == "LongTermMemory"


def test_memos_grows_a_tree_by_clusters() -> None:
    said = [f"Mira bought {n} red apples." for n in range(5)] + [f"Tomas sold {n} old boats." for n in range(5)]
    lane = Lane(MemOS(group=10, similar=2)).tell(*said)
    parents = lane.state.active("summary")
    assert lane.mind.purposes.count("summarise") == len(parents) >= 1
    children = [k[1] for k in lane.state.links if k[2] == "PARENT"]
    assert len(children) == len(set(children)) >= 4 and all(p.turns for p in parents)
    assert {p.id for p in parents} & {h.item for h in lane.ask(parents[0].text).hits if h.returned}


def test_memos_schedules_working_memory() -> None:
    mind = Mind({"check": [{"answer": "no"}], "relevant": [{"useful": [1]}]})
    lane = Lane(MemOS(similar=2, working=2, refill=True), mind).tell(OSLO, "Tomas likes tea.", "Ines plays chess.")
    first = lane.ask("Who likes tea?")
    assert mind.purposes[3:] == ["keywords", "check", "relevant"]
    assert lane.notes("scheduler") == [{"trigger_retrieval": True}]
    assert [i.id for i in lane.state.active() if i.fields["working"]] == sorted(h.item for h in first.hits[:2])
    assert first.hits[0].rank == 1 and lane.count(Kind.ACCESSED) == 3
    mind.answers["check"] = [{"answer": "yes"}]
    lane.ask("Who likes tea?")
    assert mind.purposes[6:] == ["keywords", "check"]


def talk(*said: str) -> list[Turn]:
    return [Turn(n, "user" if n % 2 == 0 else "assistant", text, "", "2025-03-01T10:00") for n, text in enumerate(said)]


def test_memoryos_pages_and_segments() -> None:
    said = [OSLO, "Noted.", "Mira lives in Oslo town.", "I see.", "Tomas sells old boats.", "Good."]
    lane = Lane(MemoryOS(short=1)).observe(*talk(*said))
    pages = [i for i in lane.state.items.values() if i.kind == "page"]
    assert [p.turns for p in pages] == [(0, 1), (2, 3), (4, 5)]
    assert [p.fields["tier"] for p in pages] == ["mid-term", "mid-term", "short-term"]
    assert len(lane.state.active("segment")) == 1 and lane.state["segment-0"].fields["pages"] == 2
    assert lane.mind.purposes == ["note", "check", "summarise", "note"]
    assert ("page-1", "page-0", "continues") in lane.state.links


def test_memoryos_draws_out_a_hot_segment() -> None:
    said = [t for n in range(6) for t in (f"Mira lives in Oslo street {n}.", "Noted.")]
    lane = Lane(MemoryOS(short=1, join=0.3, visits=True)).observe(*talk(*said))
    assert len(lane.state.active("segment")) == 1
    # five pages: heat 4 + 1 at the fourth
    assert lane.state["segment-0"].fields["pages"] == 1 and len(lane.texts("knowledge")) == 4
    assert len(lane.texts("profile")) == 1 and lane.mind.purposes.count("facts") == 1
    recall = lane.ask("Where does Mira live?")
    assert lane.state["segment-0"].fields["visits"] == 1 and lane.texts("profile")[0] in span_texts(recall)
    assert span_texts(recall)[0] == lane.texts("profile")[0]
    last = [s.turns[-1] for s in recall.spans[1:]]
    assert last == sorted(last) and {lane.state[s.items[0]].kind for s in recall.spans[1:]} == {"page", "knowledge"}


def test_memoryos_lets_a_segment_go_with_its_pages() -> None:
    said = [OSLO, "Noted.", "Tomas sells old boats.", "I see.", "Ines plays chess.", "Good."]
    lane = Lane(MemoryOS(short=1, mid=1)).observe(*talk(*said))
    left = {i.id: i.status for i in lane.state.items.values() if i.kind in ("page", "segment")}
    assert left == {"page-0": "evicted", "segment-0": "evicted", "page-1": "active", "segment-1": "active",
                    "page-2": "active"}  # fmt: skip


def test_memoryos_draws_out_what_questions_made_hot() -> None:
    said = [t for n in range(4) for t in (f"Mira lives in Oslo street {n}.", "Noted.")]
    lane = Lane(MemoryOS(short=1, join=0.3, visits=True)).observe(*talk(*said))
    assert lane.state["segment-0"].fields["heat"] == 4 and lane.texts("knowledge") == []
    lane.ask("Where does Mira live?")
    assert lane.state["segment-0"].fields["heat"] == 5
    more = talk(*said, "Tomas sells old boats.", "I see.", "Ines plays chess.", "Good.")
    lane.observe(*more[8:10])
    assert len(lane.texts("knowledge")) == 4 and lane.state["segment-0"].fields["heat"] == 1
    lane.ask("Where does Mira live?")
    lane.observe(*more[10:])
    assert len(lane.texts("knowledge")) == 4 and len(lane.state.active("segment")) == 2


def test_memoryos_heat_fades_by_the_hour() -> None:
    from workbench.memory.strategies.memory_os import _hours

    assert _hours("2025-03-01T10:00", "2025-03-02T10:00") == 24 and _hours("", "2025-03-02") == 0


def test_mirix_wakes_the_managers_it_needs() -> None:
    mind = Mind({"choose": [{"choice": ["core", "episodic"]}, {"choice": []}, {"choice": ["core"]}]})
    lane = Lane(MIRIX(), mind).tell(OSLO, "Hm.", LIMA)
    manager = ["facts", "decide"]
    assert mind.purposes == ["choose", *manager, *manager, "choose", "choose", *manager]
    assert lane.texts("core") == [LIMA] and lane.texts("episodic") == [OSLO]
    assert lane.notes("managers") == [["core", "episodic"], [], ["core"]]


def test_mirix_takes_a_batch_in_together() -> None:
    lane = Lane(MIRIX(batch=3)).tell(OSLO, "Tomas likes tea.")
    assert lane.mind.purposes == [] and len(lane.texts("message")) == 2
    assert f"Mira: {OSLO}" in span_texts(lane.ask("Where does Mira live?"))
    lane.tell("Ines plays chess.")
    assert lane.mind.purposes.count("choose") == 1 and lane.texts("message") == []


def test_mirix_rewrites_a_full_core() -> None:
    always: Any = lambda s: {"choice": ["core"]}  # noqa: E731
    lane = Lane(MIRIX(core=60), Mind({"choose": always})).tell(OSLO, "Tomas likes tea.", "Ines plays chess every day.")
    assert lane.count(Kind.MERGED) == 2 and len(lane.texts("core")) == 2
    assert lane.mind.purposes.count("summarise") == 1


@pytest.mark.parametrize(("place", "kind", "calls"), [("core", "core", 3), ("archival", "passage", 2), ("none", "", 1)])
def test_letta_keeps_where_the_agent_says(place: str, kind: str, calls: int) -> None:
    lane = Lane(Letta(), Mind({"choose": [{"choice": [place]}]})).tell(OSLO)
    assert len(lane.mind.calls) == calls and [i.kind for i in lane.state.active() if i.kind != "message"] == [
        kind
    ] * bool(kind)


def test_letta_relieves_its_queue_into_recall_storage() -> None:
    none: Any = lambda s: {"choice": ["none"]}  # noqa: E731
    lane = Lane(Letta(queue=4), Mind({"choose": none})).tell(*(f"Mira bought {n} apples." for n in range(8)))
    tiers = [i.fields["tier"] for i in lane.state.active("message")]
    assert tiers == ["recall"] * 4 + ["queue"] * 4 and lane.mind.purposes.count("summarise") == 2
    summary = lane.state["summary-0"]
    assert summary.turns == (0, 1, 2, 3) and "0 apples" in summary.text
    recall = lane.ask("Who bought 1 apples?")
    assert {h.item for h in recall.hits if h.returned} >= {"message-1", "summary-0", "message-7"}


def test_letta_insert_mode_asks_nothing() -> None:
    lane = Lane(Letta(insert=True)).tell(OSLO)
    lane.ask("Where?")
    assert lane.mind.calls == [] and lane.texts("passage") == [f"Mira: {OSLO}"]
