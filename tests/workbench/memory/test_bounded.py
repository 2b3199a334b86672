"""Bounded and active context: MEM1, Sculptor, L2MAC, TIM."""

from __future__ import annotations

from tests.workbench.memory.script import CUT_OFF, Lane, ScriptedMind, span_texts, survives_odd_turns
from workbench.memory.mem1 import Mem1

OSLO, LIMA, REX = "Mira lives in Oslo.", "Mira lives in Lima.", "Mira has a dog called Rex."


def rewriting(*states: str) -> ScriptedMind:
    return ScriptedMind({"summarise": [{"summary": s} for s in states]})


class TestMem1:
    def test_the_prompt_holds_only_the_last_state_and_the_new_turn(self) -> None:
        mind = rewriting(OSLO, f"{OSLO} {REX}", f"{LIMA} {REX}")
        lane = Lane(Mem1, mind).tell("I live in Oslo.", "I have a dog, Rex.", "I moved to Lima.")
        assert mind.purposes == ["summarise"] * 3, "one call a turn"
        assert mind.prompts[2][1] == f"Facts\n{OSLO}\n{REX}\nMira: I moved to Lima."
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
        assert "the state is full" in lane.losses

    def test_a_cut_off_rewriting_leaves_the_state(self) -> None:
        mind = ScriptedMind({"summarise": [{"summary": OSLO}, CUT_OFF, {"summary": 7}]})
        lane = Lane(Mem1, mind).tell("a", "b", "c")
        assert lane.texts("state") == [OSLO] and lane.losses == ["malformed output"] * 2
        assert span_texts(lane.ask("?")) == [OSLO, "Mira: c"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(Mem1, ScriptedMind({"summarise": lambda prompt: {"summary": prompt[-900:]}})))
