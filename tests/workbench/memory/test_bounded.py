"""Bounded and active context: MEM1, Sculptor, L2MAC, TIM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.minds import CUT_OFF, Lane, ScriptedMind, span_texts, survives_odd_turns
from workbench.memory.strategies.l2mac import L2MAC
from workbench.memory.strategies.mem1 import Mem1
from workbench.memory.strategies.sculptor import Sculptor
from workbench.memory.strategies.tim import TIM

OSLO, LIMA, REX = "Mira lives in Oslo.", "Mira lives in Lima.", "Mira has a dog called Rex."


def rewriting(*states: str) -> ScriptedMind:
    return ScriptedMind({"summarise": [{"summary": s} for s in states]})


class TestMem1:
    def test_the_prompt_holds_only_the_last_state_and_the_new_turn(self) -> None:
        mind = rewriting(OSLO, f"{OSLO} {REX}", f"{LIMA} {REX}")
        lane = Lane(Mem1, mind).tell("I live in Oslo.", "I have a dog, Rex.", "I moved to Lima.")
        assert mind.purposes == ["summarise"] * 3, "one call a turn"
        assert mind.prompts[2] == f"Facts\n{OSLO}\n{REX}\nMira: I moved to Lima."
        assert lane.texts("state") == [f"{LIMA} {REX}"]
        assert lane.texts("information") == ["Mira: I moved to Lima."], "older information is deleted"

    def test_the_turns_of_the_state_say_what_survived(self) -> None:
        lane = Lane(Mem1, rewriting(OSLO, f"{OSLO} {REX}", f"{LIMA} {REX}")).tell("a", "b", "c")
        assert lane.state["state-0"].turns == (1, 2), "turn 0 is forgotten"
        assert [(s.text, s.turns) for s in lane.ask("where?").spans[:2]] == [(LIMA, (2,)), (REX, (1,))]
        assert lane.notes("state size")[-1] | {"tokens": 0, "limit": 0} == {
            "tokens": 0, "limit": 0, "carried": 1, "new": 1, "gone": 1,
        }  # fmt: skip

    def test_the_state_never_grows_beyond_its_size(self) -> None:
        lane = Lane(lambda: Mem1(tokens=9), rewriting(f"{OSLO} {REX} {LIMA}")).tell("a")
        assert lane.texts("state") == [LIMA] or lane.texts("state") == [f"{REX} {LIMA}"]
        assert lane.state["state-0"].fields["tokens"] <= 9
        assert "the state is full" in lane.losses()

    def test_a_cut_off_rewriting_leaves_the_state(self) -> None:
        mind = ScriptedMind({"summarise": [{"summary": OSLO}, CUT_OFF, {"summary": 7}]})
        lane = Lane(Mem1, mind).tell("a", "b", "c")
        assert lane.texts("state") == [OSLO] and lane.losses() == ["not in the schema"] * 2
        assert span_texts(lane.ask("?")) == [OSLO, "Mira: c"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(Mem1, ScriptedMind({"summarise": lambda prompt: {"summary": prompt[-900:]}})))


def useful(*texts: str) -> Callable[[str], Any]:
    """Answers ``relevant``: the numbers of the lines that hold one of the texts."""

    def answer(prompt: str) -> Any:
        lines = [line for line in prompt.splitlines() if " | " in line]
        return {"useful": [n for n, line in enumerate(lines) if any(t in line for t in texts)]}

    return answer


def verdicts(*contradicted: str) -> Callable[[str], Any]:
    def answer(prompt: str) -> Any:
        old = [line for line in prompt.removeprefix("Old\n").split("\nNew\n")[0].splitlines() if line]
        return {"verdicts": ["contradictory" if any(c in o for c in contradicted) else "independent" for o in old]}

    return answer


class TestSculptor:
    def test_an_outdated_fragment_is_folded_and_nothing_moves(self) -> None:
        mind = ScriptedMind({"relate": verdicts("Oslo"), "keywords": lambda _: {"keywords": []}, "relevant": useful()})
        lane = Lane(lambda: Sculptor(placeholders=True), mind).tell("I live in Oslo", "I have a dog", "I moved to Lima")
        fragments = lane.state.active("fragment")
        assert [f.fields["view"] for f in fragments] == ["folded", "full", "full"]
        assert [f.turns for f in fragments] == [(0,), (1,), (2,)], "order and number stay"
        assert all(len(f.id) == 6 for f in fragments)
        assert fragments[0].text == "Mira: I live in Oslo", "folding hides, it does not delete"
        assert span_texts(lane.ask("?")) == [
            f"[folded {fragments[0].id}]",
            "Mira: I have a dog",
            "Mira: I moved to Lima",
        ]

    def test_a_question_restores_what_its_keywords_match_and_folds_the_rest(self) -> None:
        answers = {"relate": verdicts("Oslo"), "keywords": lambda _: {"keywords": ["oslo"]}, "relevant": useful("Oslo")}
        lane = Lane(lambda: Sculptor(placeholders=True), ScriptedMind(answers)).tell(
            "I live in Oslo", "I have a dog", "I moved to Lima"
        )
        count = len(lane.events)
        recall = lane.ask("Did Mira live in Oslo?")
        assert [s.kind for s in recall.spans] == ["full", "folded", "folded"]
        assert [h.returned for h in recall.hits] == [True, False, False]
        assert recall.hits[0].parts == {"keywords": 1.0, "useful": 1.0}
        assert len(lane.events) == count + 1, "asking changes no view; it only notes what the tools did"
        assert lane.notes("tools")[0]["restored"] == [recall.hits[0].item]

    def test_a_full_context_is_summarised_then_folded_from_its_oldest_end(self) -> None:
        mind = ScriptedMind({"summarise": lambda _: {"summary": "a summary"}}, budget=200)
        lane = Lane(Sculptor, mind).tell("aaa " * 37, "bbb " * 37, "ccc " * 37, "ddd " * 37, "eee " * 37)
        fragments = lane.state.active("fragment")
        assert [f.fields["view"] for f in fragments] == ["summary", "full", "full", "full", "full"]
        assert fragments[0].text == "Mira: " + "aaa " * 37, "the original stays, so that it can be restored"
        assert mind.purposes.count("summarise") == 1
        lane.tell(*["fff " * 37] * 4)
        views = [f.fields["view"] for f in lane.state.active("fragment")]
        assert views[-1] == "full" and sorted(views, key=["folded", "summary", "full"].index) == views

    def test_no_more_tool_calls_than_allowed(self) -> None:
        mind = ScriptedMind({"keywords": lambda _: {"keywords": []}, "relevant": useful()}, budget=300)
        lane = Lane(lambda: Sculptor(calls=3, fill=99), mind).tell(*[f"{'w ' * 50}{n}" for n in range(40)])
        mind.calls.clear()
        lane.ask("what?")
        assert mind.purposes == ["keywords", "relevant", "relevant"]

    def test_invented_numbers_and_wrong_lengths_are_losses(self) -> None:
        answers = {
            "relate": [{"verdicts": []}],
            "keywords": [{"keywords": "x"}],
            "relevant": [{"useful": [7]}],
        }
        lane = Lane(Sculptor, ScriptedMind(answers)).tell("Mira lives here", "Mira lives there")
        assert len(lane.ask("where?").spans) == 2
        assert lane.losses() == ["wrong length", "not in the schema", "invented id"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(Sculptor, ScriptedMind({"summarise": lambda _: {"summary": "s"}})))


class TestL2MAC:
    def answers(self) -> dict[str, Any]:
        def note(prompt: str) -> Any:
            tag = "city" if "lives" in prompt else "pet"
            return {"keywords": [], "context": "", "tags": [tag]}

        def choose(prompt: str) -> Any:
            task, _, options = prompt.partition("\nOptions\n")
            wanted = "city" if "live" in task else "pet"
            return {"choice": [wanted] if wanted in options.split("\n") else []}

        return {
            "facts": lambda prompt: {"facts": [prompt.split(": ", 1)[1]]},
            "note": note,
            "choose": choose,
            "relate": verdicts("Oslo"),
        }

    def test_every_instruction_runs_in_a_fresh_context(self) -> None:
        mind = ScriptedMind(self.answers())
        lane = Lane(L2MAC, mind).tell(OSLO, REX, LIMA)
        assert mind.purposes == ["facts", "note", "facts", "note", "choose", "facts", "note", "relate"]
        assert mind.prompts[5] == f"Messages\nMira: {LIMA}", "no earlier instruction is in the context"
        assert mind.prompts[7] == f"Old\n0 | {OSLO}\nNew\n{LIMA}", "only the opened file is viewed"
        assert [i.status for i in lane.state.items.values() if i.kind == "instruction"] == ["evicted"] * 3

    def test_a_file_is_overwritten_and_names_the_turns_of_its_lines(self) -> None:
        lane = Lane(L2MAC, ScriptedMind(self.answers())).tell(OSLO, REX, LIMA)
        city, pet = lane.state.active("file")
        assert (city.fields["name"], city.fields["lines"], city.turns) == ("city", [[LIMA, [2]]], (2,))
        assert pet.fields["lines"] == [[REX, [1]]]
        recall = lane.ask("Where does Mira live?")
        assert span_texts(recall) == [LIMA] and [h.returned for h in recall.hits] == [True, False]

    def test_a_full_file_leaves_the_context_and_not_the_store(self) -> None:
        mind = ScriptedMind(self.answers(), budget=484)  # half of what the prompt leaves is 50
        lane = Lane(L2MAC, mind).tell(*[f"Mira lives in {c} with her good friends." for c in "ABCDEFGH"])
        lines = lane.state.active("file")[0].fields["lines"]
        assert [turns for _, turns in lines] == [[n] for n in range(8)], "every line is there as it was written"
        viewed = [p for p in mind.prompts if p.startswith("Old")]
        assert len(viewed[-1].splitlines()) < 9 and lane.notes("popped")[-1]["lines"] > 0
        assert "summarise" not in mind.purposes

    def test_a_step_sees_what_the_one_before_gave_and_nothing_older(self) -> None:
        lane = Lane(L2MAC, ScriptedMind(self.answers())).tell(OSLO, REX, LIMA)
        steps = [o.full.inputs for o in lane.mind.calls if o.full and o.full.name == "step"]
        assert [[str(line) for line in inputs["before"]] for inputs in steps] == [
            [],
            [f"city: {OSLO}"],
            [f"pet: {REX}"],
        ]
        assert steps[2]["files"] == ["pet", "city"]

    def test_a_failed_step_stays_in_the_registry_and_is_read_as_it_is(self) -> None:
        lane = Lane(L2MAC, ScriptedMind(self.answers() | {"facts": [CUT_OFF]})).tell(OSLO)
        assert lane.losses() == ["not in the schema"]
        assert span_texts(lane.ask("where?")) == [f"Mira: {OSLO}"]

    def test_odd_turns(self) -> None:
        answers = {"facts": lambda prompt: {"facts": [prompt[-90:], "x " * 900]}, "note": lambda _: {"tags": ["t"]}}
        lane = Lane(L2MAC, ScriptedMind(answers))
        survives_odd_turns(lane)
        assert lane.state.active("file")


def concluding() -> ScriptedMind:
    return ScriptedMind(
        {"summarise": lambda prompt: {"summary": "<" + prompt.replace("Facts\n", "").replace("\n", "|") + ">"}}
    )


class TestTIM:
    def test_the_earliest_list_is_pruned_once_the_stack_exceeds_its_threshold(self) -> None:
        lane = Lane(lambda: TIM(threshold=2, width=3), concluding()).tell(*"abcdefgh")
        assert not lane.notes("pruned"), "two lists are on the stack, which is allowed"
        lane.tell("i", "j")
        assert lane.notes("pruned")[0]["items"] == ["subtask-0", "subtask-1", "subtask-2"]
        assert lane.state["task-0"].active and lane.state["task-0"].text == "<Mira: a|Mira: b|Mira: c>"
        assert {"Mira: g", "Mira: h", "Mira: i", "Mira: j"} <= set(lane.texts("subtask"))

    @pytest.mark.parametrize("threshold", [0, 1, 2])
    def test_the_stack_never_holds_more_than_its_threshold(self, threshold: int) -> None:
        lane = Lane(lambda: TIM(threshold=threshold, width=3), concluding())
        for turn in range(30):
            lane.tell(f"turn {turn}")
            stacked = [t for t in lane.state.items.values() if t.fields.get("status") == "stacked"]
            assert len(stacked) <= threshold

    def test_the_working_set_stays_small_and_covers_every_turn(self) -> None:
        lane = Lane(lambda: TIM(width=2), concluding()).tell(*[str(n) for n in range(64)])
        recall = lane.ask("?")
        assert len(recall.spans) < 16
        assert {t for s in recall.spans for t in s.turns} == set(range(64))

    def test_the_order_is_that_of_the_tree(self) -> None:
        lane = Lane(lambda: TIM(width=3), concluding()).tell("a", "b", "c", "d")
        assert span_texts(lane.ask("?")) == ["Mira: a", "Mira: b", "Mira: c", "<Mira: a|Mira: b|Mira: c>", "Mira: d"]

    def test_one_call_per_completed_list_and_the_end_of_a_sitting_completes_one(self) -> None:
        mind = concluding()
        lane = Lane(TIM, mind).tell("a", "b", part=0).tell("c", part=1)
        assert mind.purposes == ["summarise"]
        assert [t.fields["status"] for t in lane.state.active("task") if t.fields["level"] == 0] == ["stacked", "open"]

    def test_without_a_conclusion_nothing_is_pruned(self) -> None:
        lane = Lane(lambda: TIM(threshold=0, width=2), ScriptedMind()).tell("a", "b", "c", "d", "e")
        assert len(lane.texts("subtask")) == 5 and lane.losses() == ["not in the schema"] * 2

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(TIM, concluding()))
