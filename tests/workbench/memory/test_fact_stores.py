"""Mem0 and its kin against their cards (memory.md 1.6, 1.8, 1.23)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.minds import Lane, Mind, sections, span_texts
from workbench.memory.facts import origin
from workbench.memory.strategies.lightmem import LightMem
from workbench.memory.strategies.mem0 import Mem0
from workbench.memory.strategies.mem0_graph import Mem0Graph
from workbench.memory.strategies.mem0_v3 import Mem0V3
from workbench.memory.strategies.memory_r1 import MemoryR1
from workbench.trace.events import Kind

OSLO, LIMA = "Mira lives in Oslo.", "Mira lives in Lima."


def decision(event: str, id: int, text: str = "") -> dict[str, Any]:
    return {"memory": [{"event": event, "id": id, "text": text}]}


def test_mem0_asks_twice_and_once_when_there_is_nothing() -> None:
    lane = Lane(Mem0()).tell(OSLO, "Hi.")
    assert lane.mind.purposes == ["facts", "decide", "facts"]
    lane.ask("Where does Mira live?")
    assert len(lane.mind.calls) == 3


@pytest.mark.parametrize("make", [Mem0, Mem0Graph])
def test_mem0_ignores_what_the_system_says(make: type[Mem0]) -> None:
    lane = Lane(make()).tell(OSLO, speaker="", role="system")
    assert lane.mind.calls == [] and len(lane.state) == 0


def test_mem0_remaps_ids_to_small_numbers() -> None:
    lane = Lane(Mem0(), Mind({"decide": [decision("ADD", 0, OSLO), decision("UPDATE", 0, LIMA)]})).tell(OSLO, LIMA)
    assert sections(lane.mind.calls[-1])["Memories"] == [f"0 | {OSLO}"]
    assert "fact-0" not in lane.mind.calls[-1].messages[-1].text
    item = lane.state["fact-0"]
    assert item.text == item.index_text == LIMA and item.turns == (0, 1) and len(lane.state) == 1
    update = next(e for e in lane.events if e.kind == Kind.UPDATED)
    assert update.payload["changes"]["text"] == [OSLO, LIMA]


def test_mem0_deletes_without_adding() -> None:
    lane = Lane(Mem0(), Mind({"decide": [decision("ADD", 0, OSLO), decision("DELETE", 0)]})).tell(OSLO, LIMA)
    assert lane.texts() == [] and lane.state["fact-0"].status == "deleted"


@pytest.mark.parametrize("bad", [decision("UPDATE", 1, LIMA), decision("DELETE", 1), decision("UPDATE", 0, "")])
def test_mem0_reports_an_invented_id_and_an_empty_update(bad: dict[str, Any]) -> None:
    lane = Lane(Mem0(), Mind({"decide": [decision("ADD", 0, OSLO), bad]})).tell(OSLO, LIMA)
    assert lane.texts() == [OSLO] and len(lane.losses()) == 1


def test_mem0_v3_only_adds_and_drops_exact_duplicates() -> None:
    lane = Lane(Mem0V3()).tell(OSLO, LIMA, OSLO)
    assert lane.mind.purposes == ["facts"] * 3
    assert lane.texts("fact") == [OSLO, LIMA] and lane.losses() == ["duplicate"]
    assert lane.count(Kind.UPDATED, Kind.DELETED, Kind.SUPERSEDED) == 1  # the entity Mira, mentioned again
    mira = next(i for i in lane.state.active("entity") if i.text == "Mira")
    assert [link.target for link in lane.state.links.values() if link.source == mira.id] == ["fact-0", "fact-1"]


def test_mem0_v3_adds_up_its_three_signals() -> None:
    lane = Lane(Mem0V3()).tell(OSLO, "Tomas lives in Lima.", "Ines drinks tea.")
    best = lane.ask("Where does Mira live?").hits[0]
    parts = dict(best.parts)
    assert best.item == "fact-0" and parts["entity"] == pytest.approx(0.5)
    most = 1 + (parts["bm25"] > 0) + 0.5
    assert best.score == pytest.approx((parts["cosine"] + parts["bm25"] + parts["entity"]) / most)


def test_mem0_v3_ranks_only_what_meaning_found() -> None:
    # 60 facts are nearer than the last one, whose rare word would put it first.
    said = [f"common thing {n}" for n in range(60)] + [f"lynx {' '.join(f'w{n}' for n in range(30))}"]
    mind = Mind({"facts": lambda s: {"facts": [s["Messages"][0].split(": ")[1]]}})
    lane = Lane(Mem0V3(k=10), mind).tell(*said)
    query = "common lynx lynx lynx"
    assert "fact-60" not in {h.item for h in lane.ask(query).hits}
    assert Lane(Mem0V3(k=20), events=lane.events, turn=60).ask(query).hits[0].item == "fact-60", "80 are fetched"


@pytest.mark.parametrize(
    ("text", "entity", "question"),
    [
        ("李明住在北京。", "北京", "谁住在北京？"),
        ("Маша переехала в Омск.", "Омск", "кто живёт сейчас в городе омск?"),
        ("מאיה גרה בחיפה עם אחותה.", "מאיה", "איפה גרה מאיה היום?"),
    ],
)
def test_entities_in_any_script_find_their_facts(text: str, entity: str, question: str) -> None:
    facts = [{"facts": [{"text": text, "entities": [entity]}, {"text": "Tomas has tea.", "entities": ["Tomas"]}]}]
    lane = Lane(Mem0V3(), Mind({"facts": facts}, full=True)).tell(text, "Ok.")
    assert set(lane.texts("entity")) == {entity, "Tomas"}
    boosts = {lane.state[h.item].text: h.parts.get("entity") for h in lane.ask(f"{question} {text}").hits}
    assert boosts[text] == pytest.approx(0.5, abs=1e-6) and not boosts.get("Tomas has tea.")


def test_memory_r1_manages_one_fact_at_a_time_and_distils() -> None:
    mind = Mind({"facts": [{"facts": [OSLO, "Tomas likes tea."]}], "relevant": [{"useful": [1]}]})
    lane = Lane(MemoryR1(), mind).tell(f"{OSLO} Tomas likes tea.")
    assert mind.purposes == ["facts", "decide", "decide"]
    recall = lane.ask("Who likes tea?")
    assert mind.purposes[3:] == ["relevant"] and len(recall.spans) == 1 and len(recall.hits) == 2
    assert [h.returned for h in recall.hits].count(True) == 1
    assert lane.notes("distilled") == [{"of": 2, "useful": 1}]


def test_memory_r1_reads_everything_when_nothing_is_called_useful() -> None:
    lane = Lane(MemoryR1(), Mind({"relevant": [{"useful": []}]})).tell(OSLO)
    assert span_texts(lane.ask("Who?")) == [OSLO]


def graph(**answers: Any) -> Mind:
    people = {"entities": [{"name": "Mira", "type": "person"}, {"name": "Oslo", "type": "city"}]}
    moved = {"entities": [{"name": "Mira", "type": "person"}, {"name": "Lima", "type": "city"}]}
    lives = {"relations": [{"source": 0, "relation": "lives in", "destination": 1}]}
    return Mind({"entities": [people, moved], "relations": [lives] * 2} | answers)


def test_mem0_graph_costs_three_further_calls_and_ends_what_is_outdated() -> None:
    lane = Lane(Mem0Graph(), graph(relate=[{"verdicts": ["contradictory"]}])).tell(OSLO, LIMA)
    first, second = ["facts", "decide", "entities", "relations"], ["facts", "decide", "entities", "relations", "relate"]
    assert lane.mind.purposes == first + second
    assert lane.texts("relation") == ["Mira lives in Lima"]
    assert [(k[2], v.weight) for k, v in lane.state.links.items()] == [("lives in", 1.0)]
    assert lane.texts("entity") == ["Mira", "Oslo", "Lima"] and lane.state["entity-0"].fields["mentions"] == 2
    assert lane.state["entity-0"].turns == (0, 1)


def test_mem0_graph_looks_for_outdated_relations_around_entities_that_are_alike() -> None:
    alike = {"entities": [{"name": "Mira Berg of old Oslo", "type": ""}, {"name": "Lima", "type": ""}]}
    first = {"entities": [{"name": "Mira Berg of Oslo", "type": ""}, {"name": "Oslo", "type": ""}]}
    mind = graph(entities=[first, alike], relate=[{"verdicts": ["contradictory"]}])
    lane = Lane(Mem0Graph(), mind).tell(OSLO, LIMA)
    assert len(lane.texts("entity")) == 4, "alike (0.89) is not the same (0.9)"
    assert "relate" in mind.purposes and lane.texts("relation") == ["Mira Berg of old Oslo lives in Lima"]


def test_mem0_graph_brings_relations_around_the_questions_entities() -> None:
    lane = Lane(Mem0Graph(), graph()).tell(OSLO)
    lane.mind.answers["entities"] = [{"entities": [{"name": "Mira", "type": ""}]}]
    recall = lane.ask("Where does Mira live?")
    assert span_texts(recall) == [OSLO, "Mira lives in Oslo"] and lane.mind.purposes[-1] == "entities"
    lane.mind.answers["entities"] = [{"entities": [{"name": "Tomas", "type": ""}]}]
    assert span_texts(lane.ask("Where does Tomas live?")) == [OSLO]


def test_a_fact_comes_from_the_turn_it_shares_most_words_with() -> None:
    said = [("Mira: I like tea", [0]), ("Tomas: I live in Oslo", [1]), ("Ines: Oslo!", [2])]
    assert origin("Tomas lives in Oslo.", said) == (1,) and origin("Nothing shared", said) == (0, 1, 2)


def test_lightmem_cuts_by_topic_extracts_once_and_empties_its_buffer() -> None:
    lane = Lane(LightMem(sensory=12, short_term=16)).tell(OSLO, "Mira likes Oslo town.", "Tomas eats green apples.")
    topics = lane.notes("topics")[0]
    assert topics["cuts"] == [2] and topics["likeness"][0] > topics["likeness"][1]
    assert [i.fields["tier"] for i in lane.state.active("turn")] == ["short-term", "short-term", "sensory"]
    assert lane.mind.purposes == []
    lane.tell("Tomas eats red plums.", "Ines plays the old cello.")
    assert lane.mind.purposes == ["facts"] and len(lane.texts("fact")) == len(lane.state.items) - 5
    assert {i.turns for i in lane.state.active("fact")} >= {(0,), (1,)}


def test_lightmem_draws_out_a_full_buffer_in_one_call() -> None:
    lane = Lane(LightMem(sleep=2.0))
    calls = [0]
    for n in range(24):
        lane.tell(f"Mira owns thing {n}.", "Noted.")
        calls.append(len(lane.mind.calls))
    assert calls[-1] >= 4 and max(after - before for before, after in pairwise(calls)) == 1
    assert len(lane.texts("turn")) < 16, "turns do not pile up in the buffers"


def test_lightmem_sleeps_on_facts_like_the_new_ones_and_keeps_the_old_vector() -> None:
    mind = Mind({"decide": [decision("UPDATE", 0, "Mira lives in Lima now.")]})
    lane = Lane(LightMem(sensory=1, short_term=1, sleep=0.7), mind).tell(OSLO, LIMA)
    old = lane.state["fact-0"]
    assert mind.purposes == ["facts", "facts", "decide"]
    assert old.text == "Mira lives in Lima now." and old.index_text == OSLO and old.turns == (0, 1)


def test_lightmem_keeps_its_buffer_when_the_extraction_fails() -> None:
    lane = Lane(LightMem(sensory=1, short_term=1), Mind(broken="cut off")).tell(OSLO, LIMA)
    assert lane.texts("turn") == [f"Mira: {OSLO}", f"Mira: {LIMA}"] and set(lane.losses()) == {"not in the schema"}
