"""What the methods do with prompts of their own, as published: each mechanism changes what is stored or shown."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.minds import Lane, Mind, span_texts
from workbench.memory.base import MemoryStrategy
from workbench.memory.registry import STRATEGIES, strategy
from workbench.memory.strategies.a_mem import AMem
from workbench.memory.strategies.letta import Letta
from workbench.memory.strategies.lightmem import LightMem
from workbench.memory.strategies.mem0 import Mem0
from workbench.memory.strategies.mem0_graph import Mem0Graph
from workbench.memory.strategies.mem0_v3 import Mem0V3
from workbench.memory.strategies.memory_os import MemoryOS
from workbench.memory.strategies.memory_r1 import MemoryR1
from workbench.memory.strategies.memos import MemOS
from workbench.memory.strategies.mirix import MIRIX
from workbench.sessions.model import Turn

DATE, LATER = "2023-05-08T13:56", "2023-06-09T10:00"
OSLO, LIMA = "Mira lives in Oslo.", "Mira lives in Lima."
ASKING_CHANGES = {"synaptic-resonance", "chem-agent", "spatial", "expe-repair"}
"""Strategies whose memory a question changes. The set may only become smaller."""


def lane(method: MemoryStrategy, **answers: Any) -> Lane:
    """A strategy that is sent its own prompts, with these answers by operation."""
    return Lane(method, Mind(answers, full=True), whens=[])


def facts(*texts: str) -> dict[str, Any]:
    return {"facts": [*texts]}


def event(event: str, id: int, text: str, fact: int = 0) -> dict[str, Any]:
    return {"event": event, "id": id, "text": text, "fact": fact}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_question_leaves_the_memory_as_it_was(name: str, full: bool) -> None:
    asked = Lane(strategy(name)(), Mind(full=full), whens=[])
    asked.tell(OSLO, "Tomas likes tea.", LIMA, "Ines plays chess.", date=DATE).tell("Hello again.", date=LATER, part=1)
    before = dict(asked.state.items), dict(asked.state.links)
    asked.ask("Where does Mira live?")
    changed = (dict(asked.state.items), dict(asked.state.links)) != before
    assert not changed or name in ASKING_CHANGES


# A-MEM


def test_a_mem_evolves_only_when_the_model_says_so_and_only_as_it_says() -> None:
    update = {"neighbour": 0, "context": "Mira left Oslo.", "tags": ["old"]}
    evolved = {
        "should_evolve": True,
        "actions": ["update_neighbor"],
        "links": [0],
        "tags": ["new"],
        "updates": [update],
    }
    for change, links, context in (
        ({}, 0, "Mira left Oslo."),
        ({"actions": ["strengthen"]}, 1, f"Mira: {OSLO}"),
        ({"should_evolve": False}, 0, f"Mira: {OSLO}"),
    ):
        nothing = evolved | {"should_evolve": False}
        told = lane(AMem(), evolve=[nothing, evolved | change]).tell(OSLO, LIMA)
        assert len(told.state.links) == links and told.state["note-0"].fields["context"] == context


def test_a_mem_shows_notes_by_rank_with_their_tags_and_times() -> None:
    told = lane(AMem(query_keywords=False)).tell("Ines plays chess.", date=DATE).tell(OSLO, date=LATER)
    spans = told.ask("Where does Mira live? In Oslo?").spans
    assert [s.items[0] for s in spans] == ["note-1", "note-0"] and spans[0].text.endswith("| talk")
    assert spans[0].when == "9 June 2023, 10:00"
    assert "[8 May 2023, 13:56] Mira: Ines plays chess." in told.mind.prompt("evolve")


# Mem0 and its kin


def test_mem0_draws_out_pairs_and_the_rest_of_a_sitting() -> None:
    told = lane(Mem0()).tell(OSLO, "Tomas likes tea.", "Ines plays chess.", date=DATE)
    assert told.mind.names == ["facts", "decide"] and told.mind.prompt("facts").count("Mira:") == 2
    assert "Mira: Ines plays chess." in span_texts(told.ask("Who plays?"))
    told.tell("Hello.", date=LATER, part=1)
    assert told.mind.names == ["facts", "decide"] * 2 and "chess" in told.texts("fact")[-1]
    assert "9 June" not in told.mind.prompt("facts")


def test_mem0_may_delete_and_add_for_one_fact() -> None:
    both = {"memory": [event("DELETE", 0, OSLO), event("ADD", 1, LIMA)]}
    told = lane(Mem0(batch=1), decide=[{"memory": [event("ADD", 0, OSLO)]}, both]).tell(OSLO, LIMA)
    assert told.texts("fact") == [LIMA] and told.state["fact-0"].status == "deleted"


def test_mem0_keeps_a_store_for_each_speaker() -> None:
    said = (Turn(0, "user", "I live in Oslo.", "Mira", DATE), Turn(1, "user", "I live in Rome.", "Tomas", DATE))
    answers = [facts("Mira lives in Oslo."), facts("Tomas lives in Rome.")]
    told = lane(Mem0(speakers=True, k=1), facts=list(answers)).observe(*said)
    assert [i.fields["speaker"] for i in told.state.active("fact")] == ["Mira", "Tomas"]
    assert told.mind.prompt("facts", 0).endswith("Only facts about: Mira")
    assert "Mira lives" not in told.mind.prompt("decide"), "old memories of the other store are not shown"
    assert len(told.ask("Where do they live?").spans) == 2
    assert len(lane(Mem0(k=1), facts=answers[:1]).observe(*said).ask("Where do they live?").spans) == 1


def test_mem0_v3_sees_what_was_said_before_and_links_what_belongs_together() -> None:
    new = {"facts": [{"text": LIMA, "attributed_to": "Mira", "linked": [0]}]}
    first = {"facts": [{"text": OSLO, "attributed_to": "Mira", "linked": []}]}
    told = lane(Mem0V3(batch=1), facts=[first, new]).tell("I live in Oslo.", "Now in Lima.", date=DATE)
    prompt = told.mind.prompt("facts")
    assert "0 | [8 May 2023, 13:56] Mira lives in Oslo." in prompt
    assert prompt.index("Mira: I live in Oslo.") < prompt.index("New messages:") < prompt.index("Mira: Now in Lima.")
    assert ("fact-1", "fact-0", "linked") in told.state.links
    told.tell(*(f"Filler {n}." for n in range(12)))
    assert len(told.texts("recent")) == 10


def test_mem0_graph_ends_the_relations_that_the_model_names() -> None:
    people = {"entities": [{"name": "Mira", "type": "person"}, {"name": "Oslo", "type": "city"}]}
    moved = {"entities": [{"name": "Mira", "type": "person"}, {"name": "Lima", "type": "city"}]}
    lives = {"relations": [{"source": 0, "relation": "lives in", "destination": 1}]}
    answers: dict[str, Any] = {"entities": [people, moved], "relations": [lives, lives]}
    told = lane(Mem0Graph(batch=1), **answers, outdated=[{"outdated": [0]}]).tell(OSLO, LIMA, date=DATE)
    assert told.texts("relation") == ["Mira lives in Lima"]
    assert "0 | [8 May 2023, 13:56] Mira lives in Oslo" in told.mind.prompt("outdated")
    answers = {"entities": [people, moved], "relations": [lives, lives]}
    assert len(lane(Mem0Graph(batch=1), **answers, outdated=[{"outdated": []}]).tell(OSLO, LIMA).texts("relation")) == 2


def test_memory_r1_takes_one_operation_a_fact_and_an_empty_choice_at_its_word() -> None:
    told = lane(MemoryR1(), facts=[facts(OSLO, "Tomas likes tea.")], distil=[{"useful": [0]}, {"useful": []}])
    told.tell(OSLO, date=DATE)
    assert told.mind.names == ["facts", "decide", "decide"]
    assert span_texts(told.ask("Who likes tea?")) == ["Tomas likes tea."]
    assert told.ask("Who likes tea?").spans == ()


def test_memory_r1_shares_its_memories_among_the_participants() -> None:
    told = lane(MemoryR1(k=2, distil=False))
    for n in range(4):
        told.tell(f"Mira bought {n} apples.", speaker="Mira")
    told.tell("Tomas likes tea.", speaker="Tomas")
    assert len(told.ask("Who bought apples?").spans) == 2
    assert "Tomas likes tea." in span_texts(told.ask("Who bought apples?"))


# LightMem


def test_lightmem_knows_the_message_that_a_fact_comes_from_and_its_weekday() -> None:
    found = {"facts": [{"fact": "Mira moved on Sunday.", "source": 1}, {"fact": "Nobody said it.", "source": -1}]}
    told = lane(LightMem(sensory=1, short_term=8), facts=[found]).tell("Hello all.", "I moved on Sunday.", date=DATE)
    assert "1 | [Monday, 8 May 2023, 13:56] Mira: I moved on Sunday." in told.mind.prompt("facts")
    assert [i.turns for i in told.state.active("fact")] == [(1,), (0, 1)]
    assert told.ask("Who moved?").spans[0].when == "Monday, 8 May 2023, 13:56"


def test_lightmem_says_which_topic_a_message_belongs_to() -> None:
    told = lane(LightMem(sensory=9, short_term=14))
    told.tell(OSLO, "Mira lives near Oslo.", "Tomas sells old boats.", "Tomas sells old ships.")
    lines = [line.split(" | ")[0] for line in told.mind.prompt("facts").splitlines()]
    assert lines == ["--- Topic 1 ---", "0", "1", "--- Topic 2 ---", "2", "3"]


@pytest.mark.parametrize(("action", "text", "status"), [("update", "Both.", "active"), ("delete", "", "deleted")])
def test_lightmem_takes_one_action_for_all_newer_facts(action: str, text: str, status: str) -> None:
    told = lane(
        LightMem(sensory=1, short_term=4, sleep=0.2),
        facts=[
            {"facts": [{"fact": OSLO, "source": 0}]},
            {"facts": [{"fact": LIMA, "source": 0}, {"fact": "Mira lives in Rome.", "source": 0}]},
        ],
        update=[{"action": action, "new_memory": text}],
    ).tell(OSLO, "Mira lives in Lima and Rome.")
    assert told.mind.names == ["facts", "facts", "update"]
    old = told.state["fact-0"]
    assert old.status == status and (old.text == "Both.") == (action == "update")
    assert told.mind.prompt("update").count("- Mira lives") == 2


# MemOS


def node(value: str, title: str = "t", tags: tuple[str, ...] = (), kind: str = "UserMemory") -> dict[str, Any]:
    return {"value": value, "title": title, "memory_type": kind, "tags": [*tags]}


def memos(*nodes: dict[str, Any], method: MemOS | None = None, **answers: Any) -> Lane:
    told = [{"facts": [n], "summary": "All about it."} for n in nodes]
    return lane(method or MemOS(batch=1), facts=told, **answers).tell(*(n["value"] for n in nodes), date=DATE)


def test_memos_nodes_have_what_the_model_wrote_of_them() -> None:
    told = memos(node(OSLO, "Home", ("home", "city")), node("A concert took place.", "Concert", (), "LongTermMemory"))
    first, second = (told.state[f"memory-{n}"].fields for n in (0, 1))
    assert (first["title"], first["tags"], first["tier"]) == ("Home", ["home", "city"], "UserMemory")
    assert second["tier"] == "LongTermMemory" and first["background"] == "All about it."


def test_memos_fuses_with_metadata_or_drops_the_older() -> None:
    for fused, left in (("Mira moved from Oslo to Lima.", ["Mira moved from Oslo to Lima."]), ("", [LIMA])):
        told = memos(
            node(OSLO, "Home", ("home",)), node(LIMA, "Move", ("move",)), method=MemOS(batch=1, similar=0.7),
            relate=[{"verdict": "contradictory"}], fuse=[{"fused": fused}],
        )  # fmt: skip
        assert told.texts("memory") == left
        prompt = told.mind.prompt("fuse")
        assert "Relation: contradictory" in prompt and "Title: Home" in prompt and "[8 May 2023, 13:56] " in prompt
    assert told.state["memory-1"].fields["tags"] == ["move"]


@pytest.mark.parametrize("tags", [["hobby", "music"], ["hobby"]])
def test_memos_fetches_by_two_tags_what_no_wording_finds(tags: list[str]) -> None:
    others = [node(f"Where question {n}", "x", ("where",)) for n in range(3)]
    goal = {"keys": [], "tags": tags, "rephrased": "", "memories": []}
    told = memos(
        node("Ines plays cello.", "Cello", ("hobby", "music")), *others,
        method=MemOS(batch=1, k=1, working=1, schedule=False, similar=2), goal=[goal],
    )  # fmt: skip
    found = told.ask("Where question?")
    candidates = {h.item for h in found.hits if h.returned}
    assert candidates and ("memory-0" in _candidates(told, goal)) == (len(tags) == 2)


def _candidates(told: Lane, goal: dict[str, Any]) -> set[str]:
    import numpy as np

    from workbench.memory.replies import Reply
    from workbench.memory.strategies.memos import _fetched

    nodes = told.state.active("memory")
    cosine = np.array([0.0, *([1.0] * (len(nodes) - 1))])
    return _fetched(nodes, cosine, Reply(goal, 0), "Where question?", 1)


def test_memos_fetches_the_evidence_that_is_missing() -> None:
    others = [node(f"Mira bought {n} apples.", "x", ()) for n in range(6)]
    intent = {"trigger_retrieval": True, "evidences": [], "missing_evidences": ["Ines plays the old cello"]}
    rerank = {"new_order": []}
    for missing, found in ((intent, True), (intent | {"missing_evidences": []}, False)):
        told = memos(
            node("Ines plays the old cello.", "Cello"), *others, method=MemOS(batch=1, k=2, similar=2, working=3),
            intent=[missing], rerank=[rerank],
        )  # fmt: skip
        recall = told.ask("How many apples did Mira buy?")
        assert ("memory-0" in {h.item for h in recall.hits[:3]}) == found


@pytest.mark.parametrize("refill", [False, True])
def test_memos_changes_working_memory_for_a_question_only_when_told(refill: bool) -> None:
    intent = {"trigger_retrieval": True, "evidences": [], "missing_evidences": []}
    told = memos(
        node(OSLO), node("Tomas likes tea."), node("Ines plays chess."), intent=[intent], rerank=[{"new_order": [0]}],
        method=MemOS(batch=1, similar=2, working=1, refill=refill),
    )  # fmt: skip
    before = [i.id for i in told.state.active() if i.fields["working"]]
    told.ask("Where does Mira live?")
    assert ([i.id for i in told.state.active() if i.fields["working"]] != before) == refill


# MemoryOS


def talk(*pairs: tuple[str, str]) -> list[Turn]:
    said = [(who, text) for pair in pairs for who, text in zip(("Mira", "Tomas"), pair, strict=True)]
    return [Turn(n, "user", text, who, DATE) for n, (who, text) in enumerate(said)]


def test_memoryos_pages_are_what_one_says_and_another_answers() -> None:
    told = lane(MemoryOS()).observe(*talk((OSLO, "Nice."), ("Bye.", "Bye!")))
    assert told.texts("page") == [f"Mira: {OSLO} Tomas: Nice.", "Mira: Bye. Tomas: Bye!"]


def test_memoryos_shows_the_summary_of_the_chain_that_a_page_stands_in() -> None:
    pairs = ((OSLO, "Nice."), ("It is cold there.", "I see."), ("Bye.", "Bye!"))
    answers = {"meta": [{"summary": "Mira lives in Oslo."}, {"summary": "Mira lives in cold Oslo."}]}
    for continuous, first in ((True, "Mira lives in cold Oslo."), (False, "Mira lives in Oslo.")):
        told = lane(MemoryOS(short=1), meta=list(answers["meta"]), continues=[{"continuous": continuous}]).observe(
            *talk(*pairs)
        )
        assert told.state["page-0"].fields["meta"] == first
        spans = span_texts(told.ask("Where does Mira live in Oslo?"))
        assert f"Mira: {OSLO} Tomas: Nice. (conversation chain: {first})" in spans


def test_memoryos_puts_a_page_of_two_themes_into_two_segments() -> None:
    two = {"summaries": [{"theme": "home", "keywords": ["Oslo"], "content": "Mira's home"},
                         {"theme": "tea", "keywords": ["tea"], "content": "Tomas and tea"}]}  # fmt: skip
    told = lane(MemoryOS(short=1), themes=[two]).observe(*talk((OSLO, "I drink tea."), ("Bye.", "Bye!")))
    assert told.texts("segment") == ["Mira's home", "Tomas and tea"]
    assert [link.source for link in told.state.links.values() if link.label == "page of"] == ["page-0"] * 2


def test_memoryos_keeps_knowledge_of_user_and_assistant_apart_and_writes_the_profile_from_the_pages() -> None:
    known = {"facts": [{"fact": "Mira: Oslo", "owner": "user"}, {"fact": "recommended tea", "owner": "assistant"}]}
    told = lane(
        MemoryOS(short=1, hot=1.5, knowledge=2), knowledge=[known], profile=[{"summary": "Openness (high): moved."}]
    ).observe(*talk((OSLO, "Try tea."), ("Bye.", "Bye!")))
    assert [i.fields["owner"] for i in told.state.active("knowledge")] == ["user", "assistant"]
    assert f"[8 May 2023, 13:56] Mira: {OSLO} Tomas: Try tea." in told.mind.prompt("profile")
    spans = span_texts(told.ask("tea in Oslo"))
    assert spans[0] == "Openness (high): moved." and {"Mira: Oslo", "recommended tea"} <= {*spans}


def test_memoryos_has_room_for_a_long_profile() -> None:
    long = "Curiosity (high): " + "asks and asks, " * 200
    told = lane(MemoryOS(short=1, hot=1.5), profile=[{"summary": long}]).observe(*talk((OSLO, "Hm."), ("Bye.", "Bye!")))
    assert told.texts("profile") == [" ".join(long.split())] and told.losses() == []


# MIRIX


def mirix(*stores: str, batch: int = 1, core: int = 5000, **answers: Any) -> Lane:
    return lane(MIRIX(batch=batch, core=core), meta=lambda text: {"choice": [*stores]}, **answers)


def change(action: str, *items: dict[str, Any], ids: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"action": action, "ids": [*ids], "items": [*items]}


def happened(summary: str, details: str = "") -> dict[str, Any]:
    return {"event_type": "activity", "summary": summary, "details": details, "actor": "Mira"}


def test_mirix_managers_know_their_store_and_each_has_its_own_kind_of_item() -> None:
    router = {"entry_type": "guide", "summary": "Reset the router", "steps": ["Unplug it.", "Plug it in."]}
    code = {"entry_type": "credential", "source": "Mira", "sensitivity": "high", "secret_value": "4711",
            "caption": "Mira's door code"}  # fmt: skip
    told = mirix("procedural", "knowledge", procedural=[change("insert", router)], knowledge=[change("insert", code)])
    told.tell("Unplug the router, plug it in. My door code is 4711.", date=DATE)
    assert told.texts("procedural") == ["Reset the router: 1. Unplug it. 2. Plug it in."]
    assert told.texts("knowledge") == ["Mira's door code: 4711"]
    systems = {sent: r.messages[0].text for sent, r in told.mind.sent}
    assert "how something is done" in systems["mirix/procedural"] and "vault" in systems["mirix/knowledge"]
    assert len({*systems.values()}) == 3


def test_mirix_merges_an_event_and_replaces_an_entry() -> None:
    told = mirix(
        "episodic",
        episodic=[
            change("insert", happened("Mira went to a fair.", "It rained.")),
            change("merge", happened("Mira went to a fair and won.", "A bear."), ids=(0,)),
        ],
    ).tell("I went to a fair.", "I won a bear there.", date=DATE)
    assert told.texts("episodic") == ["Mira went to a fair and won. It rained. A bear."]
    assert told.state.active("episodic")[0].turns == (0, 1)
    assert "0 | [8 May 2023, 13:56] Mira went to a fair. It rained." in told.mind.prompt("episodic")
    who = {"name": "Lea", "summary": "Mira's sister", "details": "", "source": "Mira"}
    told = mirix(
        "semantic", semantic=[change("insert", who), change("update", who | {"details": "A baker."}, ids=(0,))]
    ).tell("Lea is my sister.", "Lea bakes.", date=DATE)
    assert told.texts("semantic") == ["Lea: Mira's sister A baker."]


def test_mirix_gives_a_core_block_that_would_overflow_back_to_be_rewritten() -> None:
    append = {"action": "append", "label": "human", "content": "Mira lives in Oslo and likes it."}
    rewrite = {"action": "rewrite", "label": "human", "content": "Mira: Oslo, tea."}
    more = append | {"content": "Mira drinks tea every morning."}
    told = mirix("core", core=50)
    told.mind.answers["core"] = [append, more, rewrite]
    told.tell(OSLO, "I drink tea every morning.", date=DATE)
    assert told.mind.names == ["meta", "core", "meta", "core", "core"]
    assert told.texts("core") == ["Mira: Oslo, tea."] and told.state.active("core")[0].turns == (0, 1)
    assert "Block human (33 of 50 characters):" in told.mind.prompt("core")
    assert "refused: human would have" in told.mind.prompt("core") and told.losses() == ["too long"]


def test_mirix_takes_a_sitting_in_together() -> None:
    told = mirix("episodic", batch=0, episodic=[change("insert", happened("They met."))])
    told.tell(OSLO, "Tomas likes tea.", date=DATE)
    assert told.mind.names == [] and len(told.ask("Where?").spans) == 2
    told.tell("Hello.", date=LATER, part=1)
    assert told.mind.names == ["meta", "episodic"] and told.mind.prompt("meta").count("Mira:") == 2
    assert told.texts("message") == ["Mira: Hello."]


# Letta


def edit(tool: str, content: str, block: str = "human", old: str = "") -> dict[str, Any]:
    return {"tool": tool, "block": block, "old": old, "content": content}


def test_letta_makes_several_edits_of_one_message() -> None:
    first = {"edits": [edit("core_memory_append", "Mira lives in Oslo."), edit("archival_memory_insert", "A party.")]}
    second = {
        "edits": [edit("core_memory_replace", "Lima", old="Oslo"), edit("core_memory_append", "Be kind.", "persona")]
    }
    told = lane(Letta(), edit=[first, second]).tell(OSLO, LIMA, date=DATE)
    assert told.mind.names == ["edit", "edit"]
    assert [(i.text, i.fields["label"]) for i in told.state.active("core")] == [
        ("Mira lives in Lima.", "human"), ("Be kind.", "persona"),
    ]  # fmt: skip
    assert told.texts("passage") == ["A party."] and told.state["core-0"].turns == (0, 1)
    assert "Core memory, human (20 of 2000 characters):\nMira lives in Oslo." in told.mind.prompt("edit")
    assert f"Recent messages:\n[8 May 2023, 13:56] Mira: {OSLO}" in told.mind.prompt("edit")


def test_letta_tells_the_agent_what_could_not_be_done() -> None:
    wrong = {"edits": [edit("core_memory_replace", "Lima", old="Rome")]}
    full = {"edits": [edit("core_memory_append", "x" * 60)]}
    for bad, error in ((wrong, "human does not say: Rome"), (full, "human would have 80 of 70 characters")):
        good = {"edits": [edit("core_memory_replace", "Lima", old="Oslo")]}
        start = {"edits": [edit("core_memory_append", "Mira lives in Oslo.")]}
        told = lane(Letta(core=70), edit=[start, bad, good]).tell(OSLO, LIMA)
        assert error in told.mind.prompt("edit") and told.texts("core") == ["Mira lives in Lima."]
        assert told.losses() == ["not in the schema"]


def test_letta_deletes_a_line_of_which_nothing_is_left() -> None:
    start = {"edits": [edit("core_memory_append", OSLO)]}
    told = lane(Letta(), edit=[start, {"edits": [edit("core_memory_replace", "", old=OSLO)]}]).tell(OSLO, "No more.")
    assert told.texts("core") == []


def test_letta_searches_recall_and_archival_storage_with_words_of_their_own() -> None:
    passage = {"edits": [edit("archival_memory_insert", "Ines plays the old cello.")]}
    none: dict[str, Any] = {"edits": []}
    search = {"conversation_search": "red boats", "archival_memory_search": ""}
    told = lane(Letta(queue=2, k=1), edit=[passage, *[none] * 5], search=[search, search | {
        "archival_memory_search": "cello"}])  # fmt: skip
    told.tell("Ines!", "red boats sail", "green trees grow", "Hm.", "Oh.", "Ah.")
    found = {h.item for h in told.ask("boats?").hits if h.returned}
    assert "message-1" in found and "passage-0" not in found
    assert "passage-0" in {h.item for h in told.ask("boats?").hits if h.returned}


def test_letta_has_room_for_a_long_summary_and_keeps_it_going() -> None:
    long = " ".join(f"On day {n} Mira bought apples." for n in range(60))
    told = lane(Letta(queue=2), edit=lambda text: {"edits": []}, summary=[{"summary": long}, {"summary": "Short."}])
    told.tell("One.", "Two.", "Three.", "Four.", date=DATE)
    assert long in told.mind.prompt("summary") and told.texts("summary") == ["Short."]
    assert told.state["summary-0"].turns == (0, 1) and told.losses() == []
