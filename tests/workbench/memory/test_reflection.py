"""Think-in-Memory, CAIM, ExpeRepair and ChemAgent against their cards (memory.md 1.10, 1.11, 1.18, 1.19)."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from tests.support.minds import Lane, Mind, span_texts, vector
from workbench.memory.strategies.caim import CAIM
from workbench.memory.strategies.chem_agent import ChemAgent
from workbench.memory.strategies.expe_repair import ExpeRepair
from workbench.memory.strategies.think_in_memory import ThinkInMemory, hashed, head
from workbench.sessions.model import Turn
from workbench.trace.events import Kind

OSLO, LIMA = "Mira lives in Oslo.", "Mira lives in Lima."


def test_a_bucket_is_the_largest_of_the_projections_and_their_negatives() -> None:
    x = np.array([0.6, 0.8], np.float32)
    r = np.random.default_rng(7).standard_normal((2, 2))
    projected = x.astype(float) @ r
    assert hashed(x, 4, 7) == int(np.argmax([*projected, *-projected]))
    assert hashed(-x, 4, 7) == (hashed(x, 4, 7) + 2) % 4, "the opposite vector falls into the opposite bucket"
    assert {hashed(vector(str(n)), 8, 0) for n in range(60)} == set(range(8))
    assert len({hashed(x, 8, seed) for seed in range(20)}) > 1


def test_thoughts_are_inserted_forgotten_and_merged() -> None:
    mind = Mind({"relate": [{"verdicts": ["contradictory"]}]})
    lane = Lane(ThinkInMemory(buckets=1), mind).tell(OSLO, LIMA)
    assert mind.purposes == ["facts", "facts", "relate"]
    assert lane.texts() == [LIMA] and lane.state["thought-0"].status == "deleted"
    lane.tell("Mira has a cat.", "Mira plays chess.")
    assert mind.purposes[3:] == ["facts", "relate", "facts", "relate", "summarise"]
    assert lane.texts() == [f"{LIMA} Mira has a cat. Mira plays chess."] and lane.count(Kind.MERGED) == 3
    assert lane.state.active()[0].turns == (1, 2, 3)


def test_a_question_sees_one_bucket() -> None:
    lane = Lane(ThinkInMemory(merge=0)).tell(*(f"Mira{n} bought {n} apples." for n in range(12)))
    recall = lane.ask("Mira3 bought 3 apples.")
    own = asyncio.run(lane.strategy.bucket("Mira3 bought 3 apples.", lane.mind, 0))  # type: ignore[attr-defined]
    for hit in recall.hits:
        assert hit.returned == (lane.state[hit.item].fields["bucket"] == own) == bool(hit.parts["bucket"])
    assert lane.notes("bucket")[0]["of"] == 12


def test_the_head_of_a_thought() -> None:
    assert head("Mira Berg lives in Oslo.") == "Mira Berg" and head("a cat") == "a"


def test_caim_thinks_when_a_sitting_ends() -> None:
    lane = Lane(CAIM()).tell(OSLO, "Tomas likes tea.").tell("Ines plays chess.", part=1)
    assert lane.mind.purposes == ["facts", "choose"]
    assert lane.texts("event") == [OSLO, "Tomas likes tea."] and lane.texts("message") == ["Mira: Ines plays chess."]
    assert all(i.fields["tags"] for i in lane.state.active("event"))


def test_caim_reviews_what_is_alike() -> None:
    lane = Lane(CAIM(session=1), Mind({"relate": [{"verdicts": ["redundant"]}]})).tell(OSLO, OSLO, "Hm.")
    assert lane.mind.purposes == ["facts", "choose", "facts", "choose", "relate"]
    assert lane.texts("event") == [OSLO] and lane.state.active("event")[0].turns == (0, 1)


def test_caims_controller_may_decide_not_to_look() -> None:
    mind = Mind({"check": [{"answer": "yes"}, {"answer": "no"}]})
    lane = Lane(CAIM(), mind).tell(OSLO).tell("Hello.", part=1)
    assert span_texts(lane.ask("Where does Mira live?")) == ["Mira: Hello."]
    assert OSLO in span_texts(lane.ask("Where does Mira live?"))
    assert lane.notes("controller") == [{"needed": False}, {"needed": True}]
    assert mind.purposes[2:] == ["check", "check", "choose", "relevant"]


THOUGHTS = {"facts": [{"text": f"{t} cat", "head": "the cat"} for t in ("Tom has a", "Tom feeds a", "Tom likes a")]}


def test_the_model_names_heads_and_what_is_merged() -> None:
    """Of three thoughts of one head two become one; the third stays, though it begins with the same name."""
    merged = {"merged": [{"text": "Tom has a cat and feeds it", "thoughts": [0, 1]}]}
    mind = Mind({"thoughts": [THOUGHTS], "merge": [merged]}, full=True)
    lane = Lane(ThinkInMemory(buckets=1), mind).tell("I have a cat.", "Old, isn't it?")
    assert mind.names == ["thoughts", "merge"]
    assert lane.texts("thought") == ["Tom likes a cat", "Tom has a cat and feeds it"]
    assert lane.state.active("thought")[-1].fields["head"] == "the cat"
    assert "1 | Tom feeds a cat" in mind.prompt("merge")


def test_a_thought_is_merged_once() -> None:
    groups = [{"text": "a", "thoughts": [0, 1]}, {"text": "b", "thoughts": [1, 2]}, {"text": "c", "thoughts": [2]}]
    mind = Mind({"thoughts": [THOUGHTS], "merge": [{"merged": groups}]}, full=True)
    lane = Lane(ThinkInMemory(buckets=1), mind).tell("Hm.", "Ah.")
    assert lane.texts("thought") == ["Tom likes a cat", "a"] and lane.losses() == ["not in the schema"] * 2


def test_thoughts_are_forgotten_by_number() -> None:
    facts = [{"facts": [{"text": OSLO, "head": "Mira"}, {"text": "Mira sings.", "head": "Mira"}]},
             {"facts": [{"text": LIMA, "head": "Mira"}]}]  # fmt: skip
    mind = Mind({"thoughts": facts, "forget": [{"forget": [0]}], "merge": [{"merged": []}]}, full=True)
    lane = Lane(ThinkInMemory(buckets=1), mind).tell("a", "b", "c", "d")
    assert lane.texts("thought") == ["Mira sings.", LIMA]
    assert mind.prompt("forget") == f"Thoughts:\n0 | {OSLO}\n1 | Mira sings.\n\nNew thoughts:\n{LIMA}"


def test_thoughts_come_from_what_was_said_and_its_response() -> None:
    mind = Mind({"thoughts": [{"facts": []}]}, full=True)
    lane = Lane(ThinkInMemory(), mind).tell("Where do you live?")
    assert not mind.calls and span_texts(lane.ask("Where?")) == ["Mira: Where do you live?"]
    lane.tell("In Oslo.", speaker="Tom", role="assistant")
    assert mind.prompt("thoughts").splitlines()[1:] == ["Mira: Where do you live?", "Tom: In Oslo."]
    assert span_texts(lane.ask("Where?")) == []


EVENTS = [
    {
        "facts": [
            {"text": "Mira sailed to Oslo", "tags": ["Travel"], "source": 0},
            {"text": "Mira sold a car", "source": 1},
        ]
    },
    {"facts": [{"text": "Mira flew to Lima", "tags": ["travel", "flights"], "source": 0}]},
]
"""What a session of sailing says; the second event has no tag."""


def caim(**answers: Any) -> Lane:
    mind = Mind({"events": [dict(e) for e in EVENTS], **answers}, full=True)
    lane = Lane(CAIM(controller=False), mind, whens=[]).tell("Sailed!", "Car sold.", date="2023-05-08T10:00")
    return lane.tell("Flew!", part=1, date="2023-07-01T10:00").tell("Bye.", part=2, date="2023-08-01T10:00")


def test_caims_ontology_grows_out_of_the_session() -> None:
    lane = caim()
    assert "Ontology: (no tags yet)" in lane.mind.prompt("events", 0)
    assert "Ontology: travel\n" in lane.mind.prompt("events", 1)
    assert [i.fields["tags"] for i in lane.state.active("event")] == [["travel"], [], ["travel", "flights"]]
    assert [i.fields["date"][:10] for i in lane.state.active("event")] == ["2023-05-08", "2023-05-08", "2023-07-01"]


@pytest.mark.parametrize(
    ("selected", "found"),
    [
        ({"tags": [0], "since": "", "until": ""}, ["Mira sailed to Oslo", "Mira flew to Lima"]),
        ({"tags": [0], "since": "2023-05-01", "until": "2023-05-31"}, ["Mira sailed to Oslo"]),
        ({"tags": [], "since": "2023-06-01", "until": ""}, ["Mira flew to Lima"]),
        ({"tags": [1], "since": "in May", "until": ""}, ["Mira flew to Lima"]),
    ],
)
def test_caim_filters_by_tag_and_time(selected: dict[str, Any], found: list[str]) -> None:
    lane = caim(select=[selected], relevant=lambda prompt: {"useful": list(range(prompt.count(" | ")))})
    assert span_texts(lane.ask("Where was Mira in May?")) == [*found, "Mira: Bye."]
    assert "First day: 2023-05-08\nLast day: 2023-07-01" in lane.mind.prompt("select")
    assert lane.losses() == (["not in the schema"] if selected["since"] == "in May" else [])


def test_without_dates_caim_knows_no_time() -> None:
    lane = caim(select=[{"tags": [0], "since": "2023-06-01", "until": ""}], relevant=lambda p: {"useful": [0, 1]})
    lane.strategy.dates = False  # type: ignore[union-attr]
    assert "Mira sailed to Oslo" in span_texts(lane.ask("Where was Mira?"))
    assert "First day: (unknown)" in lane.mind.prompt("select")


def test_caims_review_writes_one_event_of_two() -> None:
    both = {"same": [0], "text": "Mira lives in the old town of Oslo"}
    events = [{"facts": [{"text": "Mira lives in Oslo"}]}, {"facts": [{"text": "Mira lives in old Oslo"}]}]
    mind = Mind({"events": events, "review": [both]}, full=True)
    lane = Lane(CAIM(), mind).tell("a").tell("b", part=1).tell("c", part=2)
    assert lane.texts("event") == ["Mira lives in the old town of Oslo"]
    assert lane.state.active("event")[0].turns == (0, 1)


def talk(*said: str) -> list[Turn]:
    return [Turn(n, "user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(said)]


def test_expe_repair_keeps_what_worked() -> None:
    mind = Mind({"check": [{"answer": "no"}, {"answer": "yes"}]})
    said = ("Fix the red login page", "Cleared the cookie", "Works! Fix the blue cart", "Moved a comma", "Still broken")
    lane = Lane(ExpeRepair(reflect=1), mind).observe(*talk(*said))
    assert mind.purposes == ["check", "summarise", "check"]
    kept = lane.state.active("demonstration")
    assert [i.turns for i in kept] == [(0, 1)] and len(lane.texts("insight")) == 1
    assert kept[0].fields["answer"] == "assistant: Cleared the cookie"
    recall = lane.ask("the login page")
    assert {h.item for h in recall.hits if h.returned} == {"demonstration-0", "insight-0", "pending-4"}


def test_expe_repair_weighs_its_fields() -> None:
    said = ("alpha beta", "one", "gamma delta", "alpha", "zeta eta", "two", "thanks", "fine", "bye")
    lane = Lane(ExpeRepair(reflect=0)).observe(*talk(*said))
    scores = {h.item: h.score for h in lane.ask("alpha").hits if "score" in h.parts}
    assert scores["demonstration-0"] == pytest.approx(0.7) and scores["demonstration-1"] == pytest.approx(0.3)


def test_chem_agent_fills_its_library_and_leaves_failures_out() -> None:
    mind = Mind({"check": [{"answer": "no"}, {"answer": "yes"}]})
    lane = Lane(ChemAgent(imagine=0), mind).observe(
        *talk("Find the mass.", "Mass is two grams.", "Next one.", "No idea.", "Wrong")
    )
    assert mind.purposes == ["facts", "check", "facts", "check"]
    status = {i.fields["status"] for i in lane.state.active("execution")}
    assert status == {"SUCCESS", "FAIL"} and len(lane.texts("plan")) == 2
    recall = lane.ask("Find the mass.")
    assert all(lane.state[h.item].fields.get("status") != "FAIL" for h in recall.hits)
    assert mind.purposes == ["facts", "check"] * 2


@pytest.mark.parametrize("fill", [True, False])
def test_chem_agent_fills_up_or_keeps_to_its_threshold(fill: bool) -> None:
    always: Any = lambda s: {"answer": "no"}  # noqa: E731
    said = talk("Mira lives in Oslo.", "Noted.", "Tomas sells boats.", "Noted.", "Thanks.")
    lane = Lane(ChemAgent(imagine=0, fill=fill), Mind({"check": always})).observe(*said)
    recall = lane.ask("Mira lives in Oslo?")
    below = [h.score <= 0.7 for h in recall.hits if h.returned and lane.state[h.item].kind == "execution"]
    assert below and any(below) == fill


def test_chem_agent_imagines_where_the_library_is_thin() -> None:
    always: Any = lambda s: {"answer": "no"}  # noqa: E731
    lane = Lane(ChemAgent(), Mind({"check": always})).observe(*talk("Mira lives in Oslo.", "Noted.", "Thanks."))
    lane.ask("Mira in Oslo?")
    before = len(lane.state)
    lane.mind.answers["facts"] = lambda s: {"facts": ["Oslo lies in Norway.", "Mira lives in Oslo."]}
    recall = lane.ask("Mira in Oslo?")
    (imagined,) = [s for s in recall.spans if s.kind == "imagined"]
    assert (
        imagined.text == "Oslo lies in Norway." and 0 in imagined.turns and set(imagined.items) <= set(lane.state.items)
    )
    assert lane.notes("library")[-1]["imagined"] and len(lane.state) == before, "shown, and not kept"


def test_chem_agent_searches_its_plans() -> None:
    always: Any = lambda s: {"answer": "no"}  # noqa: E731
    said = talk("Plan a trip to Lima.", "Booked a flight.", "Bake a cake.", "Done.", "Thanks.")
    lane = Lane(ChemAgent(imagine=0, k=1), Mind({"check": always})).observe(*said)
    returned = [lane.state[h.item] for h in lane.ask("plan a trip").hits if h.returned]
    assert [i.turns[0] for i in returned if i.kind == "plan"] == [0]
