"""Episodic and learned memories: EM-LLM, Titans, PMI, VideoLLaMB."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.support.minds import CUT_OFF, Lane, ScriptedMind, span_texts, survives_odd_turns, vector
from workbench.memory.base import MemoryStrategy
from workbench.memory.strategies import em_llm
from workbench.memory.strategies.em_llm import EMLLM
from workbench.memory.strategies.pmi import PMI, contract
from workbench.memory.strategies.titans import Learned, Titans
from workbench.memory.strategies.video_llamb import VideoLLaMB, depths


class TestBoundaries:
    """mean 2, standard deviation 1: a token is surprising above 2 + gamma."""

    PAST = (1.0, 3.0, 1.0, 3.0)
    VALUES = (2.5, 3.2, 0.5, 4.1, 2.9, 3.0, 9.0)

    @pytest.mark.parametrize("gamma, cuts", [(0.0, [0, 1, 3, 4, 5, 6]), (1.0, [1, 3, 6]), (2.0, [3, 6]), (7.0, [])])
    def test_a_token_above_mean_and_gamma_deviations_begins_an_event(self, gamma: float, cuts: list[int]) -> None:
        threshold = em_llm.limit(self.PAST, gamma)
        assert threshold == 2 + gamma
        assert em_llm.boundaries(self.VALUES, threshold, held=1, least=1, most=99) == cuts

    def test_an_event_has_at_least_its_minimum(self) -> None:
        assert em_llm.boundaries([9, 9, 9, 9, 9, 9, 9], 3, held=2, least=3, most=99) == [1, 4]

    def test_an_event_has_at_most_its_maximum(self) -> None:
        assert em_llm.boundaries([0, 0, 0, 0, 0, 0], 3, held=1, least=1, most=3) == [2, 5]

    def test_nothing_is_cut_inside_the_minimum_even_at_the_end(self) -> None:
        assert em_llm.boundaries([0, 9], 3, held=0, least=8, most=128) == []


class TestEMLLM:
    def lane(self, budget: int = 400, **values: int | float | str) -> Lane:
        surprises = {"!": 9.0, "Mira:": 1.0, "a": 1.0, "b": 3.0}
        return Lane(lambda: EMLLM(**({"block_min": 2} | values)), ScriptedMind(surprises=surprises, budget=budget))  # type: ignore[arg-type]

    def test_the_threshold_is_that_of_the_tokens_before_the_chunk(self) -> None:
        lane = self.lane().tell("a b b", "a a ! a")
        first, second = lane.notes("surprise")
        assert first["tokens"] == ["Mira:", "a", "b", "b"]
        assert second["threshold"] == 3.0, "mean 2 and deviation 1 of 1, 1, 3, 3; the ! of the chunk itself is left out"
        assert second["values"] == [1, 1, 1, 9, 1] and second["boundaries"] == [3]
        assert lane.texts("event") == ["Mira: a b b\nMira: a a", "! a"]
        assert [i.turns for i in lane.state.active("event")] == [(0, 1), (1,)]

    def test_a_turn_that_begins_with_a_surprise_is_an_event_of_its_own(self) -> None:
        lane = self.lane()
        lane.tell("a b b", "a a")
        lane.mind.surprises = {"Mira:": 8.0}
        lane.tell("a")
        assert lane.texts("event") == ["Mira: a b b\nMira: a a", "Mira: a"]
        assert lane.state.active("event")[1].turns == (2,)

    def test_every_word_is_in_exactly_one_event(self) -> None:
        rng = np.random.default_rng(1)
        said = [" ".join(rng.choice(["a", "b", "!", "cc", "ddd"], 30)) for _ in range(12)]
        lane = Lane(lambda: EMLLM(), ScriptedMind(surprises={"!": 9.0})).tell(*said)
        events = lane.state.active("event")
        assert " ".join(e.text for e in events).split() == " ".join(f"Mira: {s}" for s in said).split()
        lengths = [len(e.text.split()) for e in events]
        assert lengths == [len(e.fields["surprise"]) for e in events]
        assert all(8 <= n <= 128 for n in lengths[:-1]) and len(events) > 5

    def test_neighbours_in_time_come_along(self) -> None:
        cosines = np.array([0.1, 0.2, 0.9, 0.3, 0.8, 0.0, 0.1], np.float32)
        make = EMLLM(n_init=10, n_local=10, n_mem=50, contiguity=0.4)
        roles = make._chosen([10] * 7, cosines, budget=70)
        # 30 tokens for the most similar (2, 4, 3), 20 for what is beside them (1, 5).
        assert roles == {
            0: "init",
            1: "contiguous",
            2: "similar",
            3: "similar",
            4: "similar",
            5: "contiguous",
            6: "local",
        }
        assert (
            "contiguous"
            not in EMLLM(n_init=10, n_local=10, n_mem=50, contiguity=0)._chosen([10] * 7, cosines, 70).values()
        )

    def test_a_small_context_shrinks_every_part_alike(self) -> None:
        sizes, cosines = [10] * 100, np.linspace(0, 1, 100).astype(np.float32)
        roles = EMLLM(n_init=100, n_local=400, n_mem=500, contiguity=0.3)._chosen(sizes, cosines, budget=500)
        counts = {role: sum(r == role for r in roles.values()) for role in ("init", "local", "similar", "contiguous")}
        assert counts == {"init": 5, "local": 20, "similar": 17, "contiguous": 1}, "one neighbour of 60..79 is free"

    def test_the_context_is_in_the_order_of_time_and_fits(self) -> None:
        lane = self.lane(budget=60, block_max=8).tell(*[f"a b fact{n} ! b a" for n in range(30)])
        recall = lane.ask("fact7")
        assert [s.turns for s in recall.spans] == sorted(s.turns for s in recall.spans)
        assert sum(len(s.text.split()) for s in recall.spans) <= 60
        assert any("fact7" in s.text and s.kind == "similar" for s in recall.spans)

    def test_refinement_moves_a_cut_to_where_the_text_changes(self) -> None:
        cats, dogs = [1.0, 0.0], [0.0, 1.0]
        vectors = np.array([cats, cats, dogs, dogs, dogs], np.float32)
        assert em_llm.best_split(vectors, "modularity") == 2 == em_llm.best_split(vectors, "conductance")
        # Hand-computed: links 1 inside {0,1} and {2,3,4}; volumes 2 and 6, total 8.
        # Cut at 2: Q = 8/8 - (4 + 36)/64 = 0.375; every other cut separates linked pieces.

    def test_a_refined_cut_lies_where_the_topic_changes(self) -> None:
        words = ["cat"] * 12 + ["dog"] * 4 + ["!"] + ["dog"] * 11
        vectors = {"Mira: cat cat cat": (1, 0), " ".join(["cat"] * 4): (1, 0), "cat dog dog dog": (0, 1)}
        mind = ScriptedMind(surprises={"!": 9.0, "cat": 1.0, "dog": 1.0, "Mira:": 1.0}, vectors=vectors)
        lane = Lane(lambda: EMLLM(refine="modularity"), mind).tell(" ".join(words))
        assert lane.notes("surprise")[0]["boundaries"] == [12], "the surprise is at 17, the change of topic at 12"

    def test_pieces_of_characters_do_not_lose_their_place(self) -> None:
        assert em_llm.offsets("Hi 🧠 there", ["Hi", " ", "�", "�", "�", " there"]) == [0, 2, 3, 3, 3, 4]

    def test_surprise_sees_what_was_said_before_and_its_beginning_stays(self) -> None:
        """Up to ``n_local`` tokens, at least half of them; from chunk to chunk the text grows at its end."""
        said = [f"w{n} a b c d e f g" for n in range(30)]
        lane = self.lane(budget=5000, n_local=40, chunk=16, block_max=8).tell(*said)
        events, step = lane.state.active("event"), 20
        make, seen = EMLLM(n_local=40, chunk=16), []
        for n in range(len(events)):
            seen.append(make._before(events[:n], 5000))
        sizes = [len(text.split()) for text in seen]
        assert max(sizes) <= 2 * step + 8 and min(sizes[12:]) >= step
        grown = sum(later.startswith(earlier[:-1]) for earlier, later in itertools.pairwise(seen))
        assert grown > len(seen) * 0.6
        assert make._before([], 5000) == ""

    def test_contiguity_is_off_as_in_the_official_configurations(self) -> None:
        roles = EMLLM(n_init=10, n_local=10, n_mem=50)._chosen(
            [10] * 7, np.array([1, 2, 9, 3, 8, 0, 1], np.float32), 70
        )
        assert "contiguous" not in roles.values() and sum(r == "similar" for r in roles.values()) == 5

    def test_no_model_call(self) -> None:
        mind = ScriptedMind()
        Lane(EMLLM, mind).tell("a b c").ask("d?")
        assert mind.prompts == []

    def test_odd_turns(self) -> None:
        for refine in ("none", "conductance"):
            survives_odd_turns(Lane(lambda refine=refine: EMLLM(refine=refine)))  # type: ignore[misc]


class TestTitans:
    def test_one_step_is_gradient_momentum_and_forgetting(self) -> None:
        rate, momentum, forget = 0.1, 0.5, 0.25
        k1, k2 = np.array([1.0, 0]), np.array([0.6, 0.8])
        learned = Learned(np.zeros((2, 2)), np.zeros((2, 2)))
        first = learned.step(k1, 1, rate, momentum, forget)
        # Gradient 2 (0 - e1) k1^T = [[0, 0], [-2, 0]]; S = 0.1 * 2 at row 1, column 0; M = S.
        assert first.matrix.tolist() == [[0, 0], [0.2, 0]] and first.surprises == (2.0,)
        second = first.step(k2, 0, rate, momentum, forget)
        # M k2 = (0, 0.12); error (-1, 0.12); S = 0.5 S - 0.2 error k2^T; M = 0.75 M + S.
        error = np.array([-1, 0.12])
        velocity = np.array([[0, 0], [0.1, 0]]) - 0.2 * np.outer(error, k2)
        np.testing.assert_allclose(second.momentum, velocity)
        np.testing.assert_allclose(second.matrix, np.array([[0, 0], [0.15, 0]]) + velocity)
        assert second.surprises[1] == pytest.approx(2 * np.sqrt(1 + 0.12**2))

    def test_the_matrix_is_rebuilt_from_the_items(self) -> None:
        said = [f"Person {n} lives in city {n * 7 % 5}" for n in range(12)]
        make = lambda: Titans(width=64, rate=0.05, forget=0.01)  # noqa: E731
        lane = Lane(make, ScriptedMind(), seed=3).tell(*said)  # every turn by a fresh instance
        vectors = np.stack([vector(f"Mira: {s}", 64).astype(np.float64) for s in said])
        drawn = np.random.default_rng(3).normal(size=(64, 64))
        keys = [self.key(vectors[n] - (vectors[: n + 1].mean(0) if n else 0), drawn) for n in range(12)]
        matrix = velocity = np.zeros((64, 64))
        for n, (k, note) in enumerate(zip(keys, lane.notes("surprise"), strict=True)):
            gradient = 2 * np.outer(matrix @ k - np.eye(64)[n], k)
            assert note["momentary"] == pytest.approx(np.sqrt((gradient**2).sum()), abs=1e-3)
            velocity = 0.9 * velocity - 0.05 * gradient
            matrix = 0.99 * matrix + velocity
        hits = {h.item: h for h in lane.ask("Mira: " + said[4]).hits}
        given = matrix @ self.key(vectors[4] - vectors.mean(0), drawn)
        assert hits["segment-4"].parts["association"] == pytest.approx(given[4], abs=1e-4)
        assert hits["segment-4"].parts["strength"] == pytest.approx((matrix @ keys[4])[4], abs=1e-4)

    @staticmethod
    def key(centred: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        out: np.ndarray = centred @ drawn
        return out / np.linalg.norm(out)

    def test_what_was_never_read_has_no_strength_and_what_was_has(self) -> None:
        said = [f"word{n} thing{n} other{n} more{n}" for n in range(40)]
        mind = ScriptedMind()
        lane = Lane(Titans, mind).tell(*said)
        known = {h.item: h.parts["strength"] for h in lane.ask(said[20]).hits}
        assert min(known[f"segment-{n}"] for n in range(30) if f"segment-{n}" in known) > 0.2
        best = max(lane.ask(said[20]).hits, key=lambda h: h.parts["association"])
        assert lane.state[best.item].turns == (20,)
        stranger = max(h.parts["association"] for h in lane.ask("zebra quark lemon paper").hits)
        assert stranger < best.parts["association"] / 2

    def test_a_row_that_another_segment_takes_is_forgotten(self) -> None:
        make = lambda: Titans(width=4, window=1, rate=0.2, momentum=0.0)  # noqa: E731
        lane = Lane(make).tell(*[f"w{n} v{n} u{n}" for n in range(12)])
        assert "evicted" in {i.status for i in lane.state.items.values()}

    def test_what_was_heard_before_surprises_less(self) -> None:
        lane = Lane(Titans).tell(*["Mira lives in Oslo"] * 12, "Quantum zebras juggle marmalade")
        surprise = [n["momentary"] for n in lane.notes("surprise")]
        assert surprise[0] == pytest.approx(2) and surprise[12] > surprise[7]

    def test_what_fades_is_forgotten_but_never_the_last_segments(self) -> None:
        make = lambda: Titans(momentum=0.0, forget=0.5, floor=0.05, window=2)  # noqa: E731
        lane = Lane(make).tell("alpha beta", *[f"word{n} thing{n} other{n}" for n in range(8)])
        assert lane.state["segment-0"].status == "evicted"
        assert [lane.state[f"segment-{n}"].status for n in (7, 8)] == ["active", "active"]
        assert "alpha" not in " ".join(span_texts(lane.ask("alpha beta")))

    def test_system_turns_take_the_persistent_slots(self) -> None:
        lane = Lane(lambda: Titans(persistent=1, k=0, window=1)).tell(
            "Be brief.", "Be kind.", role="system", speaker=""
        )
        lane.tell("a", "b")
        assert lane.texts("persistent") == ["system: Be brief."]
        assert span_texts(lane.ask("?")) == ["system: Be brief.", "Mira: b"]

    def test_another_seed_is_another_memory(self) -> None:
        scores = [Lane(Titans, seed=s).tell("a b", "c d", "e f").ask("a b").hits[0].score for s in (0, 0, 1)]
        assert scores[0] == scores[1] != scores[2]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(Titans))


def topics(*names: str) -> ScriptedMind:
    """Texts whose vectors are the axes of their topics: ``a1`` is near to ``a2``, at right angles to ``b1``."""
    axes = np.eye(26)
    mind = ScriptedMind()
    mind.vectors = {f"Mira: {n}": axes[ord(n[0]) - 97].tolist() for n in names} | {
        n: axes[ord(n[0]) - 97].tolist() for n in names
    }
    return mind


class TestPMI:
    def test_the_number_of_slots_is_fixed(self) -> None:
        said = [f"{c}1" for c in "abcdefghijkl"]
        lane = Lane(lambda: PMI(slots=3), topics(*said)).tell(*said)
        assert [i.id for i in lane.state.active("slot")] == ["slot-0", "slot-1", "slot-2"]
        assert len(lane.state.active("long-term")) == 9

    def test_the_most_similar_slot_wins(self) -> None:
        said = ["a1", "b1", "a2", "b2", "a3"]
        lane = Lane(PMI, topics(*said)).tell(*said)
        assert [[e[0] for e in s.fields["entries"]] for s in lane.state.active("slot")] == [
            ["Mira: a1", "Mira: a2", "Mira: a3"], ["Mira: b1", "Mira: b2"],
        ]  # fmt: skip
        assert lane.state["slot-0"].turns == (0, 2, 4)
        shares = lane.notes("competition")[-1]["shares"]
        assert shares["slot-0"] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-3) and sum(
            shares.values()
        ) == pytest.approx(1)

    def test_a_slot_overflows_into_long_term_memory(self) -> None:
        said = ["a1", "a2", "a3", "a4"]
        lane = Lane(lambda: PMI(entries=3), topics(*said)).tell(*said)
        assert lane.texts("long-term") == ["Mira: a1"] and lane.state["long-term-0"].turns == (0,)
        assert [e[0] for e in lane.state["slot-0"].fields["entries"]] == ["Mira: a2", "Mira: a3", "Mira: a4"]

    def test_without_an_empty_slot_the_one_that_won_least_of_late_is_merged(self) -> None:
        said = ["a1", "b1", "a2", "c1"]
        lane = Lane(lambda: PMI(slots=2), topics(*said)).tell(*said)
        assert lane.texts("long-term") == ["Mira: b1"]
        assert lane.texts("slot") == ["Mira: a1 Mira: a2", "Mira: c1"]

    def test_nothing_is_lost_between_the_two_memories(self) -> None:
        said = [f"{c}{n}" for n in range(4) for c in "abcdef"]
        lane = Lane(lambda: PMI(slots=2, entries=2), topics(*said)).tell(*said)
        inside = [t for s in lane.state.active("slot") for _, t in s.fields["entries"]]
        assert sorted(inside + [i.turns[0] for i in lane.state.active("long-term")]) == list(range(24))

    @pytest.mark.parametrize("order, letters", [(2, "ni,nj->ij"), (3, "ni,nj,nk->ijk")])
    def test_the_outer_products_contracted(self, order: int, letters: str) -> None:
        rng = np.random.default_rng(0)
        vectors, query = np.abs(rng.normal(size=(5, 4))), np.abs(rng.normal(size=4))
        centred, asked = vectors - vectors.mean(0), query - vectors.mean(0)
        kept = centred[centred @ asked > 0]  # what points away from the question is not brought back
        tensor = np.einsum(letters, *[kept] * order)
        for _ in range(order - 1):
            tensor = tensor @ asked
        np.testing.assert_allclose(contract(vectors, query, order), tensor / np.linalg.norm(tensor))

    def test_two_questions_bring_back_different_things(self) -> None:
        """What all sentences share is no answer: the centroid must not come back for every question."""
        rng = np.random.default_rng(1)
        vectors = rng.normal(size=(300, 64)) * 0.5 + 1.0  # a large part in common, as sentence vectors have
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        one, other = contract(vectors, vectors[3], 6), contract(vectors, vectors[200], 6)
        assert one @ other < 0.5 and int((vectors @ one).argmax()) == 3 and int((vectors @ other).argmax()) == 200

    def test_a_question_is_answered_from_both_memories(self) -> None:
        said = ["a1", "b1", "c1", "d1"]
        lane = Lane(lambda: PMI(slots=2, k=1), topics(*said)).tell(*said)
        recall = lane.ask("a1")
        assert span_texts(recall) == ["Mira: a1", "Mira: c1", "Mira: d1"], "in the order they were said"
        assert [s.kind for s in recall.spans] == ["long-term", "slot", "slot"]
        missed = next(h for h in recall.hits if not h.returned)
        assert lane.state[missed.item].text == "Mira: b1" and missed.parts["long-term"] < 0

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(lambda: PMI(slots=2)))


class TestVideoLLaMB:
    def mind(self, *names: str) -> ScriptedMind:
        mind = topics(*names)
        counter = iter(range(99))
        mind.answers = {"summarise": lambda _: {"summary": f"bridge {next(counter)}"}}
        return mind

    def test_the_depth_of_a_dip(self) -> None:
        # Peaks to the left 0.9, to the right 0.8: (0.9 + 0.8) / 2 - 0.2.
        np.testing.assert_allclose(depths([0.9, 0.7, 0.2, 0.8, 0.6]), [0, 0.1, 0.65, 0, 0.1])
        # The nearest peak counts, not the highest of all: 0.5 stands between the dip and 0.9.
        np.testing.assert_allclose(depths([0.9, 0.3, 0.5, 0.2, 0.6])[3], (0.5 + 0.6) / 2 - 0.2)

    def test_a_scene_ends_where_similarity_drops(self) -> None:
        said = ["a1", "a2", "a3", "b1", "b2"]
        mind = self.mind(*said)
        lane = Lane(VideoLLaMB, mind).tell(*said)
        assert mind.purposes == ["summarise"], "one call a scene"
        assert mind.prompts[0] == "Facts\nMira: a1\nMira: a2\nMira: a3"
        assert lane.state["bridge-0"].turns == (0, 1, 2)
        assert lane.texts("frame") == ["Mira: b1", "Mira: b2"]
        assert span_texts(lane.ask("b1")) == ["bridge 0", "Mira: b1", "Mira: b2"]
        last = lane.notes("scene")[-1]
        # Similarities 1 1 0 1: the dip is 1 deep, the others 0; mean 0.25, deviation 0.433.
        assert last["depth"] == 1 and last["threshold"] == pytest.approx(0.25 + 0.5 * 0.433, abs=1e-3)

    def test_bridges_recur(self) -> None:
        said = ["a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2", "e1", "e2"]
        mind = self.mind(*said)
        lane = Lane(VideoLLaMB, mind).tell(*said)
        assert len(lane.state.active("bridge")) >= 2
        assert mind.prompts[1].startswith("Facts\nbridge 0\n"), "a scene is summarised with what it recalls"
        assert ("bridge-1", "bridge-0", "after") in lane.state.links

    def test_what_a_bridge_carries_over_keeps_its_turns(self) -> None:
        said = ["a1", "a2", "b1", "b2", "c1", "c2"]
        mind = self.mind(*said)
        mind.answers = {"summarise": [{"summary": "Mira said a."}, {"summary": "Mira said a. Mira said b."}]}
        lane = Lane(VideoLLaMB, mind).tell(*said)
        assert [b.turns for b in lane.state.active("bridge")] == [(0, 1), (0, 1, 2, 3)]

    def test_an_even_session_is_cut_by_length(self) -> None:
        said = [f"a{n}" for n in range(10)]
        lane = Lane(lambda: VideoLLaMB(scene_max=4), self.mind(*said)).tell(*said)
        assert [b.turns for b in lane.state.active("bridge")] == [(0, 1, 2, 3), (4, 5, 6, 7)]

    def test_a_scene_that_cannot_be_summarised_is_kept_word_for_word(self) -> None:
        said = ["a1", "a2", "b1", "b2"]
        mind = self.mind(*said)
        mind.answers = {"summarise": [CUT_OFF]}
        lane = Lane(VideoLLaMB, mind).tell(*said)
        assert lane.texts("bridge") == ["Mira: a1 Mira: a2"] and lane.losses() == ["not in the schema"]

    def test_odd_turns(self) -> None:
        survives_odd_turns(Lane(VideoLLaMB, self.mind()))


@pytest.mark.parametrize("make", [EMLLM, Titans, PMI, VideoLLaMB])
def test_an_empty_memory_is_asked(make: type[MemoryStrategy]) -> None:
    recall = Lane(make).ask("Where?")
    assert recall.spans == () and recall.hits == ()
