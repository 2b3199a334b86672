"""MemGAS, Synaptic Resonance and Tool2Vec against their cards (memory.md 1.12, systems.md)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.support.minds import Lane, Mind, sections, span_texts, vector
from workbench.memory.strategies.memgas import MemGAS, entropy, upper_component
from workbench.memory.strategies.synaptic_resonance import SynapticResonance
from workbench.memory.strategies.tool2vec import Tool2Vec
from workbench.trace.events import Kind


def test_a_session_becomes_four_nodes_in_one_call() -> None:
    lane = Lane(MemGAS()).tell("Mira lives in Oslo.", "Tomas likes tea.").tell("Ines plays chess.", part=1)
    assert lane.mind.purposes == ["summarise"]
    assert [i.kind for i in lane.state.active() if i.kind != "turn"] == ["session", "turns", "summary", "keywords"]
    assert all(i.turns == (0, 1) for i in lane.state.active("session", "turns", "summary", "keywords"))
    assert lane.texts("keywords") == ["Mira, lives, Oslo, Tomas, likes, tea"]


def test_the_mixture_parts_the_near_from_the_far() -> None:
    values = np.array([0.9, 0.92, 0.88, 0.1, 0.12, 0.08, 0.11])
    chosen, cut = upper_component(values, 0)
    assert list(chosen) == [True] * 3 + [False] * 4 and cut == 0.88
    assert not upper_component(np.full(5, 0.5), 0)[0].any()


def test_associations_begin_with_the_sixth_session() -> None:
    topics = ["Mira sails red boats", "Tomas bakes rye bread", "Mira paints red boats", "Ines plays slow chess",
              "Oskar digs deep holes", "Mira sells red boats", "end"]  # fmt: skip
    lane = Lane(MemGAS(session=1)).tell(*topics[:6])
    assert not lane.state.links
    lane.tell(topics[6])
    sixth = [n for n in lane.state.active() if n.fields.get("session") == 5 and n.kind != "turn"]
    assert {link.source for link in lane.state.links.values()} <= {n.id for n in sixth}
    linked = {lane.state[link.target].fields["session"] for link in lane.state.links.values()}
    assert {0, 2} <= linked and 4 not in linked
    assert lane.notes("mixture")[0]["linked"] == sum(link.source == sixth[0].id for link in lane.state.links.values())


def test_entropy_of_the_router() -> None:
    even = np.array([0.3, 0.3, 0.3, 0.3])
    assert entropy(even, 0.2) == pytest.approx(1) and entropy(even, 0.2, raw=True) == pytest.approx(math.log(4))
    assert entropy(np.array([0.9, 0.0, 0.0, 0.0]), 0.05) < 0.01


def test_memgas_routes_and_filters() -> None:
    lane = Lane(MemGAS(session=1, k=1)).tell("Mira sails red boats.", "Tomas bakes bread.", "Ines sings.")
    recall = lane.ask("Does Tomas bake bread?")
    assert span_texts(recall) == ["Mira: Tomas bakes bread.", "Mira: Ines sings."]
    assert sum(lane.notes("router")[0].values()) == pytest.approx(1, abs=1e-4)
    assert lane.mind.purposes == ["summarise", "summarise", "relevant"]
    assert lane.notes("filter") == [{"of": 1, "kept": 1}]


def test_memgas_filters_eight_turns_at_once() -> None:
    mind = Mind({"relevant": [{"useful": []}, {"useful": [1]}]})
    lane = Lane(MemGAS(session=10, k=1), mind).tell(*(f"Mira bought {n} red apples." for n in range(11)))
    recall = lane.ask("Who bought apples?")
    assert [len(sections(c)["Memories"]) for c in mind.calls if c.purpose == "relevant"] == [8, 2]
    assert span_texts(recall) == ["Mira: Mira bought 9 red apples.", "Mira: Mira bought 10 red apples."]


def test_a_question_changes_no_link_unless_it_is_told_to() -> None:
    lane = Lane(SynapticResonance(spread=2)).tell("red boats sail", "red boats sink")
    before = dict(lane.state.links)
    lane.ask("red boats")
    assert lane.state.links == before


def test_a_hub_does_not_come_back_for_everything() -> None:
    """Links to everything pass on little each: the turn that shares a word with all is not the answer to all."""
    hub = "red blue green gold boats"
    lane = Lane(SynapticResonance(spread=8, similar=0.2, gain=0.5, k=1), Mind())
    lane.tell(hub, "red boats", "blue boats", "green boats", "gold boats", hub.replace("boats", "ships"))
    assert lane.state[lane.ask("green boats").hits[0].item].turns == (3,)


def test_links_grow_by_use_and_fade_by_time() -> None:
    strategy = SynapticResonance(spread=2, rate=0.5, decay=0.5, similar=0.3, learn_from_questions=True)
    lane = Lane(strategy).tell("red boats sail", "red boats sink")
    assert [k for k in lane.state.links] == [("turn-1", "turn-0", "resonates")]
    first = next(iter(lane.state.links.values())).weight
    cosine = float(vector("Mira: red boats sail") @ vector("Mira: red boats sink"))
    assert first == pytest.approx(0.5 * cosine, abs=1e-4)
    lane.ask("red boats")
    again = next(iter(lane.state.links.values())).weight
    assert first < again < 1
    lane.tell("Zq.", "Xw.", "Vu.", "Ts.", "Rp.", "On.", speaker="x")
    assert ("turn-1", "turn-0", "resonates") not in lane.state.links
    assert lane.count(Kind.UNLINKED) > 0 and lane.mind.calls == []


def test_activation_spreads_over_a_link() -> None:
    lane = Lane(SynapticResonance(learn_from_questions=True)).tell("red boats sail far", "Tomas bakes bread")
    plain = {h.item: h.parts["resonance"] for h in lane.ask("red boats sail").hits}
    assert set(plain.values()) == {0}
    lane.log().link("turn-0", "turn-1", "resonates", 0.8)
    spread = {h.item: h.parts["resonance"] for h in lane.ask("red boats sail").hits}
    assert spread["turn-1"] > 0


def test_a_turn_is_found_by_the_questions_it_answers() -> None:
    answers = {"questions": [{"questions": ["Which city is home?", "Where to send mail?"]}, {"questions": []}]}
    lane = Lane(Tool2Vec(own=False), Mind(answers)).tell("I moved to Oslo.", "Bread is fine.")
    assert lane.mind.purposes == ["questions"] * 2
    assert lane.state["turn-0"].fields["keys"] == ["Which city is home?", "Where to send mail?"]
    assert lane.state["turn-1"].fields["keys"] == ["Mira: Bread is fine."]
    top = lane.ask("Which city is home?").hits[0]
    both = vector("Which city is home?") + vector("Where to send mail?")
    assert top.item == "turn-0" and top.parts["question"] == pytest.approx(1)
    assert top.score == pytest.approx(float(both @ vector("Which city is home?") / np.linalg.norm(both)), abs=1e-4)


def test_the_own_questions_alone_are_the_key() -> None:
    """Usage, not the words of the message, decides what is found: with ``own`` the other turn comes first."""
    answers: dict[str, list[Any] | Any] = {
        "questions": [{"questions": ["Who fears the dark cellar?"]}, {"questions": ["What is sold on Monday?"]}]
    }
    told = ("The dark cellar again.", "Who fears dark cellar trips?")

    def first(**parameters: Any) -> str:
        lane = Lane(Tool2Vec(**parameters), Mind({k: list(v) for k, v in answers.items()}, full=True)).tell(*told)
        return lane.ask("Who fears dark cellar trips?").hits[0].item

    assert first() == "turn-0" and first(own=True) == "turn-1"


def test_a_whole_sitting_is_one_session_with_its_own_keywords() -> None:
    mind = Mind({"keywords": [{"keywords": ["apple harvest", "Oslo"]}]}, full=True)
    lane = Lane(MemGAS(), mind).tell(*(f"Mira bought {n} red apples." for n in range(14))).tell("Hello.", part=1)
    assert mind.names == ["summary", "keywords"] and len(lane.texts("session")) == 1
    assert lane.texts("keywords") == ["apple harvest; Oslo"]
    assert all(f"Mira bought {n} red apples." in mind.prompt("summary") for n in range(14))
    assert [o.full.max_tokens for o in mind.calls if o.full] == [500, 500]


def test_a_sitting_that_fills_a_prompt_is_closed_before_it_ends() -> None:
    lane = Lane(MemGAS(), Mind(full=True)).tell(*(f"{n} " + "word " * 60 for n in range(20)))
    assert len(lane.texts("session")) == 1 and not lane.losses()


def test_the_filter_extracts_words_with_their_date() -> None:
    said = "We met at the lake yesterday and then I bought four red apples and a very long book."
    extract = {"extracts": [{"turn": 1, "words": "Mira: I bought four red apples"}]}
    mind = Mind({"filter": [extract, {"extracts": []}]}, full=True)
    lane = Lane(MemGAS(k=1), mind, whens=[]).tell("Hello there.", said, date="2023-05-08T13:56")
    lane.tell("Bye.", part=1, date="2023-06-01T09:00")
    spans = lane.ask("What did Mira buy?").spans
    assert (spans[0].text, spans[0].when) == ("Mira: I bought four red apples", "8 May 2023, 13:56")
    assert spans[0].turns == (1,)
    assert len(spans) == 2, "what helps, and the open session"
    assert f"1 | [8 May 2023, 13:56] Mira: {said}" in mind.prompt("filter") and "Keywords:" in mind.prompt("filter")
    assert span_texts(lane.ask("What did Mira buy?")) == ["Mira: Bye."], "an empty extract is an answer"


def test_page_rank_knows_no_weights_unless_it_is_told_to() -> None:
    """A strong and a weak link carry the same, as in the official code; ``weighted`` lets the strong one win."""

    def ranks(weighted: bool) -> dict[str, float]:
        strategy = MemGAS(session=1, k=3, weighted=weighted, seeds=1)
        lane = Lane(strategy).tell("red boats sail", "Tomas bakes bread", "Ines plays chess", "end")
        lane.log().link("session-0", "session-1", "associated", 0.9)
        lane.log().link("session-0", "session-2", "associated", 0.1)
        return {h.item: h.score for h in lane.ask("red boats sail").hits}

    even, uneven = ranks(False), ranks(True)
    assert even["turn-1"] == pytest.approx(even["turn-2"]) and uneven["turn-1"] > uneven["turn-2"]
