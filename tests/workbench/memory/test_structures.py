"""Memories with a structure: TME's tree and graph, HCAM, HMT, M3-Agent, places."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.support.minds import CUT_OFF, Lane, Mind, ScriptedMind, span_texts, survives_odd_turns
from workbench.memory.base import MemoryStrategy
from workbench.memory.strategies.hcam import HCAM, two_levels
from workbench.memory.strategies.hmt import HMT
from workbench.memory.strategies.m3_agent import M3Agent
from workbench.memory.strategies.spatial import Spatial
from workbench.memory.strategies.tme_dag import TMEDag
from workbench.memory.strategies.tme_tree import TMETree

CITIES = ("Oslo", "Lima")


def noted(**parts: tuple[str, str, str]) -> Callable[[str], Any]:
    """Answers ``note``: by a word of the message, its task, slot and value."""

    def answer(prompt: str) -> Any:
        for word, (task, slot, value) in parts.items():
            if word in prompt:
                return {"keywords": [task], "context": value, "tags": [slot]}
        return {"keywords": [], "context": "", "tags": []}

    return answer


def related(contradictions: dict[str, str], repeats: tuple[str, ...] = ()) -> Callable[[str], Any]:
    """Answers ``relate``: a new text with one word contradicts an old one with the other."""

    def answer(prompt: str) -> Any:
        old, new = prompt.removeprefix("Old\n").split("\nNew\n")
        found = []
        for line in old.splitlines():
            against = any(a in new and b in line for a, b in contradictions.items())
            again = any(r in new and r in line for r in repeats)
            found.append("contradictory" if against else "redundant" if again else "independent")
        return {"verdicts": found}

    return answer


def trip() -> dict[str, Any]:
    note = noted(
        Lima=("trip", "city", "The trip goes to Lima."),
        Oslo=("trip", "city", "The trip goes to Oslo."),
        hotel=("trip", "hotel", "The hotel is in the old town."),
        guide=("guide", "language", "A guide for the old town."),
    )
    return {"note": note, "relate": related({"Lima": "Oslo"}, ("hotel",)), "choose": lambda _: {"choice": []}}


class TestTME:
    def test_two_calls_an_input_for_the_tree_and_three_for_the_graph(self) -> None:
        for make, calls in ((TMETree, ["note", "relate"]), (TMEDag, ["note", "relate", "choose"])):
            mind = ScriptedMind(trip())
            lane = Lane(make, mind).tell("Go to Oslo")
            assert mind.purposes == ["note"], "nothing to hold the first input against"
            mind.calls.clear()
            lane.tell("Book a hotel")
            assert mind.purposes == calls
            mind.calls.clear()
            lane.ask("Which city?")
            assert mind.purposes == []

    def test_an_update_replaces_the_value_and_keeps_its_history(self) -> None:
        lane = Lane(TMETree, ScriptedMind(trip())).tell("Go to Oslo", "Book a hotel", "Rather Lima")
        city, hotel = lane.state.active("slot")
        assert city.text == "Mira: Rather Lima | The trip goes to Lima. | trip" and city.turns == (2,)
        assert city.fields["history"] == [[0, "Mira: Go to Oslo | The trip goes to Oslo. | trip"]]
        assert city.index_text == city.text, "the vector is of the new value"
        assert {city.fields["parent"], hotel.fields["parent"]} == {"task-0"}
        assert [n["intent"] for n in lane.notes("intent")] == ["new", "new", "update"]

    def test_a_check_changes_no_value(self) -> None:
        lane = Lane(TMETree, ScriptedMind(trip())).tell("Go to Oslo", "Book a hotel", "Is the hotel booked?")
        hotel = lane.state["slot-1"]
        assert hotel.text.startswith("Mira: Book a hotel") and hotel.turns == (1, 2)
        assert [n["intent"] for n in lane.notes("intent")] == ["new", "new", "check"]

    def test_the_tree_propagates_to_what_is_below(self) -> None:
        answers = trip()
        answers["note"] = noted(
            Rex=("Mira", "pet", "Mira has a dog called Rex."),
            bone=("Rex", "food", "Rex likes bones."),
            Tom=("Mira", "pet", "Mira has a cat called Tom."),
        )
        answers["relate"] = related({"Tom": "dog"})
        lane = Lane(TMETree, ScriptedMind(answers)).tell("My dog is Rex", "He likes bones", "Now I have a cat, Tom")
        assert lane.state["task-1"].fields["parent"] == "slot-0", "the task Rex is part of the slot that mentions it"
        assert lane.state["slot-1"].fields["revise"] == "slot-0"
        assert lane.notes("propagation")[0]["to"] == ["slot-1"]

    def test_the_graph_propagates_to_every_dependant(self) -> None:
        depends = {"hotel": "trip city", "guide": "trip hotel"}

        def choose(prompt: str) -> Any:
            task, options = prompt.split("\nOptions\n")
            wanted = next((on for word, on in depends.items() if word in task), "")
            return {"choice": [wanted] if wanted in options.split("\n") else []}

        lane = Lane(TMEDag, ScriptedMind(trip() | {"choose": choose}))
        lane.tell("Go to Oslo", "Book a hotel", "Find a guide", "Rather Lima")
        assert lane.state["slot-1"].fields["dependencies"] == ["slot-0"]
        assert lane.state["slot-2"].fields["dependencies"] == ["slot-1"]
        assert lane.notes("propagation")[0]["to"] == ["slot-1", "slot-2"]
        assert [lane.state[s].fields["revise"] for s in ("slot-1", "slot-2")] == ["slot-0"] * 2
        recall = Lane(lambda: TMEDag(k=1), ScriptedMind(), events=lane.events, turn=3).ask("guide for the town?")
        assert {i for s in recall.spans for i in s.items} == {"slot-1", "slot-2"}, "a slot comes with its dependencies"

    def test_a_circle_is_dropped(self) -> None:
        lane = Lane(TMEDag, ScriptedMind(trip())).tell("Go to Oslo", "Book a hotel")
        log = lane.log()
        TMEDag()._depend("slot-1", "slot-0", log, 0)
        TMEDag()._depend("slot-0", "slot-1", log, 0)
        assert lane.losses() == ["circular dependency"]
        assert lane.state["slot-0"].fields["dependencies"] == []

    def test_a_reply_is_kept_with_the_slots_it_answers(self) -> None:
        lane = Lane(TMETree, ScriptedMind(trip())).tell("Go to Oslo").tell("Booked.", role="assistant", speaker="")
        assert [(s.text, s.turns) for s in lane.ask("trip?").spans] == [
            ("Mira: Go to Oslo | The trip goes to Oslo. | trip", (0,)),
            ("assistant: Booked.", (1,)),
        ]

    def test_a_named_task_comes_before_what_is_only_near(self) -> None:
        answers = trip() | {
            "relate": related({}),
            "note": noted(Oslo=("trip", "city", "x"), bread=("shop", "food", "y")),
        }
        lane = Lane(lambda: TMETree(k=1), ScriptedMind(answers)).tell("Go to Oslo", "Buy bread for the picnic")
        assert span_texts(lane.ask("bread for the picnic of the trip?")) == ["Mira: Go to Oslo | x | trip"]

    def test_an_input_that_cannot_be_decomposed_is_kept_as_it_is(self) -> None:
        mind = ScriptedMind({"note": [CUT_OFF], "relate": [CUT_OFF, {"verdicts": []}]})
        lane = Lane(TMETree, mind).tell("Go to Oslo", "Book a hotel")
        assert lane.texts("slot") == ["Mira: Go to Oslo", "Mira: Book a hotel"]
        assert lane.losses() == ["not in the schema"] * 3

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(TMEDag, ScriptedMind(trip() | {"relate": related({})})))


class TestHCAM:
    def test_a_sentence_scores_chunk_weight_times_its_own_cosine(self) -> None:
        vectors = {"Mira: A.": (1, 0, 0), "Mira: B.": (0, 1, 0), "Mira: C.": (0, 0, 1), "Mira: D.": (0.6, 0, 0.8),
                   "what?": (1, 0, 0)}  # fmt: skip
        lane = Lane(lambda: HCAM(chunk=2, temperature=1.0), ScriptedMind(vectors=vectors)).tell("A. B.", "C. D.")
        # Means: chunk 0 (1,1)/sqrt 2 -> cosine 0.70711; chunk 1 (0.6, 0, 1.8)/1.8974 -> 0.31623.
        weight = 1 / (1 + np.exp(0.31623 - 0.70711))
        hits = {lane.state[h.item].text: h for h in lane.ask("what?").hits}
        assert hits["Mira: A."].parts == pytest.approx({"chunk": weight, "sentence": 1.0}, abs=1e-4)
        assert hits["Mira: D."].score == pytest.approx((1 - weight) * 0.6, abs=1e-4)
        assert [c["weight"] for c in lane.notes("two levels")[0]["chunks"]] == pytest.approx(
            [weight, 1 - weight], abs=1e-3
        )

    def test_only_sentences_of_opened_chunks_are_returned(self) -> None:
        vectors = {"Mira: far.": (0, 1), "Mira: exact.": (1, 0), "Mira: good.": (0.9, 0.436), "what?": (1, 0)}
        make = lambda: HCAM(chunk=3, k=1)  # noqa: E731
        lane = Lane(make, ScriptedMind(vectors=vectors)).tell("exact. far. far.", "good. good. good.")
        recall = lane.ask("what?")
        assert span_texts(recall) == ["Mira: good."] * 3, "the exact sentence lies in a chunk that is not opened"
        missed = next(h for h in recall.hits if lane.state[h.item].text == "Mira: exact.")
        assert not missed.returned and missed.parts["sentence"] == 1.0, "and the candidates say so"

    def test_weights_add_up_to_one(self) -> None:
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(40, 8)).astype(np.float32)
        weights = two_levels(vectors, np.arange(40) // 8, vectors[0], 0.1)
        assert len(weights) == 5 and sum(weights.values()) == pytest.approx(1)

    def test_no_model_call(self) -> None:
        mind = ScriptedMind()
        Lane(HCAM, mind).tell("a. b.").ask("c?")
        assert mind.prompts == []

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(HCAM))


class TestHMT:
    def mind(self) -> ScriptedMind:
        counter = iter(range(99))
        return ScriptedMind({"summarise": lambda _: {"summary": f"memory {next(counter)}"}}, budget=900)

    def test_a_full_segment_becomes_a_memory(self) -> None:
        mind = self.mind()
        lane = Lane(lambda: HMT(segment=8, sensory=2), mind).tell("a b c", "d e f", "g h i")
        assert mind.purposes == ["summarise"], "one call a segment"
        memory = lane.state.active("memory")[0]
        assert memory.text == "memory 0" and memory.turns == (0, 1)
        assert lane.texts("piece") == ["Mira: g h i"] and lane.texts("sensory") == ["e f"]
        assert lane.state["sensory-0"].turns == (1,)
        assert span_texts(lane.ask("?")) == ["memory 0", "e f", "Mira: g h i"]

    def test_a_segment_is_read_with_what_it_recalls_and_the_end_of_the_one_before(self) -> None:
        mind = self.mind()
        lane = Lane(lambda: HMT(segment=4, sensory=2), mind).tell("a b c", "d e f", "g h i")
        assert mind.prompts[1] == "Facts\nmemory 0\nb c\nMira: d e f"
        assert lane.state["memory-1"].fields["recalled"] == ["memory-0"]
        assert ("memory-1", "memory-0", "recalled") in lane.state.links

    def test_the_first_half_of_the_segment_decides_what_it_recalls(self) -> None:
        texts = iter(("about cats", "about dogs", "x"))
        mind = ScriptedMind({"summarise": lambda _: {"summary": next(texts)}}, budget=900)
        lane = Lane(lambda: HMT(segment=6, recalled=1), mind)
        lane.tell("1 2 3 4 5", "1 2 3 4 5", "about dogs about cats cats", "end")
        assert lane.state["memory-2"].fields["recalled"] == ["memory-1"], "dogs are in the first half"

    def test_long_term_memory_is_bounded(self) -> None:
        lane = Lane(lambda: HMT(segment=4, memories=3), self.mind()).tell(*[f"a b {n}" for n in range(9)])
        assert lane.texts("memory") == ["memory 5", "memory 6", "memory 7"]

    @pytest.mark.parametrize(("full", "memories"), [(False, 3), (True, 1)])
    def test_the_segment_is_that_of_the_official_code(self, full: bool, memories: int) -> None:
        """256 tokens; 128 for the bundled model, whose sessions are short."""
        mind = Mind({"memory": lambda _: {"summary": "said"}}, full=full)
        lane = Lane(lambda: HMT(), mind).tell(*("a b c d e f g" for _ in range(49)))
        assert len(lane.texts("memory")) == memories, "392 tokens with the speaker"

    def test_a_segment_that_cannot_be_summarised_is_kept_word_for_word(self) -> None:
        lane = Lane(lambda: HMT(segment=4), ScriptedMind(budget=900)).tell("a b c", "d e f")
        assert lane.texts("memory") == ["Mira: a b c"] and lane.losses() == ["not in the schema"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(lambda: HMT(segment=40), self.mind()))


class TestM3Agent:
    def mind(self, answer: str = "yes") -> ScriptedMind:
        return ScriptedMind({
            "facts": lambda prompt: {"facts": [line.split(": ", 1)[-1] for line in prompt.splitlines()[1:]]},
            "check": lambda _: {"answer": answer},
            "keywords": lambda _: {"keywords": ["Rex"]},
        })  # fmt: skip

    def test_entries_are_linked_to_the_entities_they_name(self) -> None:
        mind = self.mind()
        lane = Lane(M3Agent, mind).tell("I live in Oslo", speaker="Mira").tell("Mira moved to Lima", speaker="Tomas")
        assert mind.purposes == ["facts"] * 2, "one call a turn"
        assert lane.texts("entity") == ["Mira", "Tomas"]
        about = {(s, t) for s, t, label in lane.state.links if label == "about"}
        assert about == {
            ("episode-0", "entity-0"), ("knowledge-0", "entity-0"),
            ("episode-1", "entity-0"), ("episode-1", "entity-1"), ("knowledge-1", "entity-0"),
        }  # fmt: skip

    def test_what_is_said_again_gains_weight(self) -> None:
        lane = Lane(M3Agent, self.mind()).tell("Mira likes tea", "Mira likes tea", "Mira likes cake")
        knowledge = lane.state.active("knowledge")
        assert [(k.text, k.fields["weight"], k.turns) for k in knowledge] == [
            ("Mira likes tea", 2, (0, 1)), ("Mira likes cake", 1, (2,)),
        ]  # fmt: skip

    def test_an_entity_in_the_question_comes_first(self) -> None:
        lane = Lane(lambda: M3Agent(k=2), self.mind())
        lane.tell("The weather is nice today", speaker="Tomas").tell("Hm", speaker="Mira")
        recall = lane.ask("Is the weather nice today, Mira?")
        assert set(span_texts(recall)) == {"Mira: Hm", "Hm"}
        assert recall.hits[0].parts["entity"] == 1.0

    def test_searching_stops_when_the_question_is_answered(self) -> None:
        mind = self.mind()
        lane = Lane(lambda: M3Agent(k=1), mind).tell("a", "b", "c", "d")
        mind.calls.clear()
        lane.ask("what?")
        assert mind.purposes == ["check"] and len(lane.notes("rounds")[0]) == 1

    def test_up_to_five_rounds_follow_what_was_found(self) -> None:
        mind = self.mind("no")
        lane = Lane(lambda: M3Agent(k=1), mind).tell("My dog is Rex", "Rex likes bones", "c", "d", "e", "f", "g")
        mind.calls.clear()
        recall = lane.ask("What does the dog like?")
        rounds = lane.notes("rounds")[0]
        assert mind.purposes == ["check", "keywords", "check", "check", "check"]
        assert len(rounds) == 5 and rounds[1]["search"] == "Rex"
        assert rounds[2]["search"] == lane.state[rounds[1]["found"][0]].text
        assert [len(r["found"]) for r in rounds] == [2] * 5, "a clip comes with its episode and its knowledge"
        assert len(recall.spans) == 10

    def test_what_contradicts_takes_weight_away(self) -> None:
        vectors = {"Mira: x": (1, 0, 0), "Mira: y": (0, 1, 0), "x": (1, 0, 1), "y": (-1, 0, -1), "z": (0, 1, 0)}
        mind = self.mind()
        mind.vectors = vectors
        lane = Lane(M3Agent, mind).tell("x", "x", "y", "z")
        assert [(k.text, k.fields["weight"]) for k in lane.state.active("knowledge")] == [("x", 1), ("z", 1)]
        lane.tell("y")
        assert lane.texts("knowledge") == ["z"], "nothing is left of it"

    def test_the_model_searches_until_it_can_answer(self) -> None:
        """Each search is the model's own; it sees all searches and all that was found; a clip comes only once."""
        acts = [
            {"action": "Search", "query": "Rex the dog"},
            {"action": "Search", "query": "red boats"},
            {"action": "Answer", "query": ""},
        ]
        mind = Mind({"know": lambda _: {"facts": []}, "act": acts}, full=True)
        lane = Lane(lambda: M3Agent(k=1), mind).tell("Rex the dog", "bones taste good", "red boats sail", "c d")
        recall = lane.ask("bones taste")
        assert [r["search"] for r in lane.notes("rounds")[0]] == ["bones taste", "Rex the dog", "red boats"]
        assert [s.turns for s in recall.spans] == [(0,), (1,), (2,)]
        assert "- bones taste\n- Rex the dog\n- red boats" in mind.prompt("act")
        assert all(t in mind.prompt("act") for t in ("Rex the dog", "bones taste good", "red boats sail"))

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(M3Agent, self.mind("no")))


class TestSpatial:
    def lane(self, topics: str, **values: Any) -> Lane:
        answers = iter(topics)
        mind = ScriptedMind({"note": lambda _: {"keywords": [], "context": "", "tags": [next(answers)]}})
        return Lane(lambda: Spatial(**values), mind).tell(*[f"{n}" for n in range(len(topics))])

    def held(self, lane: Lane) -> list[int]:
        return [i.turns[0] for i in lane.state.active("episode")]

    @pytest.mark.parametrize(
        "allocator, kept",
        [("fifo", [2, 3, 4, 5]), ("lifo", [0, 1, 2, 5]), ("mvfo", [2, 3, 4, 5]), ("lvfo", [0, 1, 2, 5])],
    )
    def test_the_allocator_decides_which_place_forgets(self, allocator: str, kept: list[int]) -> None:
        assert self.held(self.lane("aaabba", allocator=allocator, capacity=4)) == kept

    def test_the_adaptive_allocator_spares_places_that_are_asked_about(self) -> None:
        lane = self.lane("aab", capacity=3, places=1, learn_from_questions=True)
        lane.mind.vectors = {"0": (1, 0)}
        lane.mind.answers = {"note": lambda _: {"keywords": [], "context": "", "tags": ["b"]}}
        for _ in range(3):
            lane.ask("Mira: 0")
        assert lane.state["place-0"].accessed == 3
        lane.tell("3")
        assert self.held(lane) == [0, 1, 3], "place a holds more, but is what people ask about"

    def test_capacity_is_never_exceeded_and_every_episode_has_a_place(self) -> None:
        lane = self.lane("abcabcabcaab", capacity=5)
        assert len(self.held(lane)) == 5
        places = {p.id for p in lane.state.active("place")}
        assert all(i.fields["place"] in places for i in lane.state.active("episode"))
        assert sum(lane.notes("allocation")[-1]["held"].values()) == 6, "as it was before one went"

    def test_a_question_opens_the_nearest_places(self) -> None:
        lane = self.lane("abc", places=1)
        recall = lane.ask("Mira: 1")
        assert span_texts(recall) == ["Mira: 1"] and [s.label for s in recall.spans] == ["b"]
        assert len(recall.hits) == 3

    def test_without_a_topic_an_episode_is_elsewhere(self) -> None:
        lane = Lane(Spatial, ScriptedMind({"note": [CUT_OFF]})).tell("a")
        assert lane.texts("place") == ["elsewhere"] and lane.losses() == ["not in the schema"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(
            Lane(Spatial, ScriptedMind({"note": lambda p: {"keywords": [], "context": "", "tags": [p]}}))
        )


@pytest.mark.parametrize("make", [TMETree, TMEDag, HCAM, HMT, M3Agent, Spatial])
def test_an_empty_memory_is_asked(make: type[MemoryStrategy]) -> None:
    mind = ScriptedMind()
    recall = Lane(make, mind).ask("Where?")
    assert recall.spans == () and recall.hits == () and mind.prompts == []


def test_parameters_are_plain() -> None:
    for make in (TMETree, TMEDag, HCAM, HMT, M3Agent, Spatial):
        assert json.dumps(make().parameters())
