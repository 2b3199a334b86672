"""A-MEM against its card (memory.md 1.5)."""

from __future__ import annotations

from tests.support.minds import Lane, Mind, span_texts
from workbench.memory.strategies.a_mem import AMem
from workbench.trace.events import Kind

ANALYSIS = {"keywords": ["Mira", "city"], "context": "Mira lives somewhere.", "tags": ["home"]}
NOTHING = {"links": [], "tags": [], "updates": []}


def note(**changes: object) -> dict[str, object]:
    return ANALYSIS | changes


def test_two_calls_a_turn_and_one_to_read() -> None:
    lane = Lane(AMem()).tell("Mira lives in Oslo.", "Tomas likes tea.")
    assert lane.mind.purposes == ["note", "evolve"] * 2
    lane.ask("Where does Mira live?")
    assert lane.mind.purposes[4:] == ["keywords"]
    Lane(AMem(query_keywords=False), lane.mind).ask("Where?")
    assert len(lane.mind.purposes) == 5


def test_a_note_is_indexed_without_its_content() -> None:
    lane = Lane(AMem(), Mind({"note": [ANALYSIS], "evolve": [NOTHING]})).tell("I moved to Oslo.", date="2025-03-01")
    item = lane.state["note-0"]
    assert item.index_text == "Mira lives somewhere. keywords: Mira, city"
    assert item.text == "Mira: I moved to Oslo." and item.fields["date"] == "2025-03-01"


def test_evolution_links_and_rewrites_and_leaves_the_vector_stale() -> None:
    update = {"neighbour": 0, "context": "Mira left Oslo.", "tags": ["old"]}
    evolved = {"links": [0], "tags": ["moved"], "updates": [update]}
    answers = {"note": [ANALYSIS, note(context="Mira lives in Lima.")], "evolve": [NOTHING, evolved]}
    lane = Lane(AMem(), Mind(dict(answers))).tell("I moved to Oslo.", "I moved to Lima.")
    old, new = lane.state["note-0"], lane.state["note-1"]
    assert [(k[0], k[1]) for k in lane.state.links] == [("note-1", "note-0")]
    assert new.fields["tags"] == ["moved"]
    assert old.fields["context"] == "Mira left Oslo." and old.fields["tags"] == ["old"]
    assert "somewhere" in old.index_text and old.turns == (0, 1)


def test_a_fresh_vector_when_asked_for() -> None:
    update = {"neighbour": 0, "context": "Mira left Oslo.", "tags": []}
    answers = {"note": [ANALYSIS] * 2, "evolve": [NOTHING, {"links": [], "tags": [], "updates": [update]}]}
    lane = Lane(AMem(stale_vectors=False), Mind(answers)).tell("I moved to Oslo.", "I moved to Lima.")
    assert lane.state["note-0"].index_text == "Mira left Oslo. keywords: Mira, city"


def test_consolidation_embeds_everything_again() -> None:
    link = {"links": [0], "tags": ["x"], "updates": []}
    lane = Lane(AMem(evo_threshold=2), Mind({"evolve": [NOTHING, link, link]})).tell("A b c.", "A b d.", "A b e.")
    assert all(i.index_text.startswith(f"{i.text} , ") for i in lane.state.active())
    consolidated = [e for e in lane.events if e.kind == Kind.UPDATED and e.payload["reason"] == "consolidation"]
    assert len(consolidated) == 3 and consolidated[0].turn == 2


def test_links_share_one_budget() -> None:
    """With k links spent, every further note brings one."""
    lane = Lane(AMem(k=2, query_keywords=False, neighbours=0), Mind({"note": [note()] * 12})).tell(*"abcdefghijkl")
    log = lane.log()
    for hit, targets in (("note-0", (2, 3, 4)), ("note-1", (5, 6, 7))):
        for target in targets:
            log.link(hit, f"note-{target}", "strengthen")
    for name, text in ((n, "q" if n in ("note-0", "note-1") else "z") for n in list(lane.state.items)):
        log.update(name, index_text=text)
    recall = lane.ask("q")
    assert {s.items[0] for s in recall.spans} == {"note-0", "note-1", "note-2", "note-3", "note-4", "note-5"}
    assert {h.item for h in recall.hits if h.returned} == {s.items[0] for s in recall.spans}


def test_a_span_says_context_and_keywords() -> None:
    lane = Lane(AMem(), Mind({"note": [ANALYSIS]})).tell("I moved to Oslo.")
    assert span_texts(lane.ask("Where?")) == ["Mira: I moved to Oslo. | Mira lives somewhere. | Mira, city"]


def test_a_failed_analysis_still_stores_the_turn_under_its_content() -> None:
    lane = Lane(AMem(), Mind(broken="cut off")).tell("I moved to Oslo.")
    assert lane.state["note-0"].index_text == "Mira: I moved to Oslo." and lane.losses() == ["not in the schema"] * 2
