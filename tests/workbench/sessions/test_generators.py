"""Generators after published benchmarks: the same for a seed, as long as asked, golds that follow from the text."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any

import pytest

from tests.workbench.sessions.oracles import NOT_TOLD, ORACLES
from workbench.probes.scorers import score
from workbench.sessions import formats
from workbench.sessions.generators import GENERATORS, GeneratorError, generate, rough, versions
from workbench.sessions.model import Probe, Session

NAMES = list(GENERATORS)
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    (name, dict(zip(chosen, values, strict=True)))
    for name, card in GENERATORS.items()
    for chosen in [[k for k, v in card.options.items() if isinstance(v, tuple)]]
    for values in itertools.product(*(card.options[k] for k in chosen))
]
"""Every generator with every choice that it has."""
IDS = [" ".join([name, *map(str, options.values())]) for name, options in VARIANTS]


def texts(session: Session, probe: Probe) -> list[str]:
    return [t.text for t in session.turns[: probe.after + 1]]


def right(session: Session, probe: Probe, told: list[str]) -> bool:
    name = str(session.extra["generator"]["name"])
    answer = ORACLES[name](told, probe.question, probe.options) or NOT_TOLD
    return score("abstain" if probe.abstain else probe.scorer, probe, answer).correct


@pytest.mark.parametrize("tokens", [700, 3000])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_an_oracle_gets_everything_right_and_no_memory_does_not(
    name: str, options: dict[str, Any], tokens: int
) -> None:
    for seed in (1, 2):
        sessions = generate(name, tokens, seed, **options)
        asked = [(s, p) for s in sessions for p in s.probes]
        assert asked
        assert [p.question for s, p in asked if not right(s, p, texts(s, p))] == []
        assert sum(right(s, p, []) for s, p in asked) <= 0.3 * len(asked), "only what was never told needs no memory"


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_no_constant_answer_gets_far(name: str, options: dict[str, Any]) -> None:
    probes = [p for seed in range(4) for s in generate(name, 2000, seed, **options) for p in s.probes if p.gold]
    most = Counter(p.gold for p in probes).most_common(1)[0][1]
    letters = [p for p in probes if p.scorer == "choice"]
    first = sum(p.options[0] == p.gold[0] for p in letters)
    limit = 1.0 if options.get("mode") == "nota-only" else 0.7 if name == "turtle-bench" else 0.45
    assert len(probes) < 5 or most <= limit * len(probes)
    assert not letters or first <= 0.7 * len(letters)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_the_evidence_alone_is_enough_and_comes_before_the_question(name: str, options: dict[str, Any]) -> None:
    for session in generate(name, 1500, 5, **options):
        assert [t.index for t in session.turns] == list(range(len(session.turns)))
        assert len({p.id for p in session.probes}) == len(session.probes)
        for probe in session.probes:
            assert 0 <= probe.after < len(session.turns)
            assert all(0 <= n <= probe.after for n in probe.evidence)
            assert bool(probe.evidence) != probe.abstain
            assert probe.abstain == (not probe.gold)


@pytest.mark.parametrize("tokens", [2000, 12000])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_a_session_is_as_long_as_asked(name: str, options: dict[str, Any], tokens: int) -> None:
    def letters(text: str) -> int:  # a tokenizer quite unlike the usual one
        return len(text) // 3

    for count in (rough, letters):
        longest = max(sum(count(t.text) for t in s.turns) for s in generate(name, tokens, 3, count, **options))
        assert 0.75 * tokens <= longest <= 1.02 * tokens


@pytest.mark.parametrize("name", NAMES)
def test_no_pool_of_words_runs_dry(name: str) -> None:
    made = generate(name, 24_000, 1)
    assert max(sum(rough(t.text) for t in s.turns) for s in made) >= 18_000
    assert all(len({p.id for p in s.probes}) == len(s.probes) for s in made)


@pytest.mark.parametrize(("name", "option", "value"), [
    (name, option, value)
    for name, card in GENERATORS.items()
    for option, default in card.options.items() if isinstance(default, int)
    for value in card.ranges.get(option, (1, 60))
])  # fmt: skip
def test_the_least_and_the_most_of_every_option_can_be_made(name: str, option: str, value: int) -> None:
    made = generate(name, 2000, 1, **{option: value})
    assert all(s.probes for s in made)
    assert [p.question for s in made for p in s.probes if p.gold and not right(s, p, texts(s, p))] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_and_a_date_make_one_session(name: str) -> None:
    made = generate(name, 900, 7)
    assert made == generate(name, 900, 7)
    assert made[0].turns != generate(name, 900, 8)[0].turns
    fresh = generate(name, 900, 7, date="2026-11-28")
    assert fresh[0].turns != made[0].turns
    assert fresh[0].extra["released"] == "2026-11-28"


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=IDS)
def test_sessions_are_read_back_as_they_were(name: str, options: dict[str, Any], tmp_path: Any) -> None:
    made = generate(name, 700, 3, **options)
    path = tmp_path / "made.json"
    path.write_text(json.dumps([s.to_json() for s in made]), encoding="utf-8")
    assert formats.read(path) == made


@pytest.mark.parametrize("name", NAMES)
def test_every_generator_says_what_it_is(name: str) -> None:
    card = GENERATORS[name]
    assert "arXiv" in card.paper
    assert card.label in ("faithful", "adapted", "in the style of")
    assert bool(card.differs) == (card.label != "faithful")
    assert card.help.endswith((".", "?", ")."))
    assert ORACLES.keys() == GENERATORS.keys()


def test_versions_are_the_same_questions_about_other_facts() -> None:
    made = versions("long-bio-bench", 800, 3, 3)
    groups: dict[str, list[Probe]] = {}
    for session in made:
        for probe in session.probes:
            groups.setdefault(probe.extra["version_of"], []).append(probe)
    assert len(made) == 3
    assert all([p.extra["version"] for p in own] == [1, 2, 3] for own in groups.values())
    assert all(len({p.extra["task"] for p in own}) <= 2 for own in groups.values())
    assert any(len({p.gold for p in own}) > 1 for own in groups.values())


def test_the_grid_of_needles_has_every_depth_and_length() -> None:
    cells = {
        (p.extra["length"], p.extra["depth"])
        for s in generate("needle-bench", 3000, 1, lengths=3, depths=5)
        for p in s.probes
    }
    assert cells == {(n, d) for n in (1000, 2000, 3000) for d in (0.0, 0.25, 0.5, 0.75, 1.0)}
    for session in generate("needle-bench", 3000, 1):
        probe = session.probes[0]
        assert abs(probe.evidence[0] / (len(session.turns) - 1) - probe.extra["depth"]) < 0.1


def test_the_earliest_ancestors_are_up_to_so_many_generations_away() -> None:
    probes = generate("ancestral-trace", 3000, 1, generations=5)[0].probes
    assert {len(p.evidence) for p in probes} == {1, 2, 3, 4}


def test_lines_of_descent_are_asked_about_in_four_ways_and_grandparents_count_twice() -> None:
    probes = [p for seed in range(3) for p in generate("ancestral-trace", 3000, seed)[0].probes]
    assert {p.extra["task"] for p in probes} == {"eldest", "nth-ancestor", "nth-descendant", "distance"}
    far = [(int(p.gold[0]), p.extra["needles"]) for p in probes if p.extra["task"] == "distance"]
    assert all(links <= generations <= 2 * links for generations, links in far)
    assert any(generations > links for generations, links in far)


def test_passages_begin_with_a_sentence_and_half_of_the_answers_are_a() -> None:
    session = generate("sort", 6000, 1)[0]
    first = [p.options.index(p.gold[0]) == 0 for p in session.probes]
    assert sum(first) == len(first) / 2
    for option in (o for p in session.probes for o in p.options):
        text = next(t.text for t in session.turns if option in t.text)
        assert text.partition(option)[0][-2:] in ("", ". ")


def test_passages_are_near_and_far_apart() -> None:
    probes = generate("sort", 6000, 1)[0].probes
    far = [p.extra["distance"] for p in probes if p.extra["bin"] == "far"]
    near = [p.extra["distance"] for p in probes if p.extra["bin"] == "near"]
    assert max(near) <= min(far)


def test_working_memory_covers_every_position() -> None:
    probes = generate("worm", 6000, 1)[0].probes
    assert {p.extra["task"] for p in probes} == {
        "visual-item-recognition", "visual-serial-recall", "visual-serial-recognition", "spatial-free-recall",
        "spatial-coordination", "spatial-integration", "spatial-memory-updating", "spatial-task-switching",
        "change-detection", "complex-span",
    }  # fmt: skip
    assert {round(p.extra["position"], 2) for p in probes if "position" in p.extra} >= {0.0, 1.0}


def test_instructions_stand_once_or_with_every_question() -> None:
    local = {s: generate("long-ins", 2000, 1, setting=s)[0].turns[0].text for s in ("GIST", "LIST", "LIMT")}
    assert [text.count("Add the two numbers.") for text in local.values()][:2] == [1, 5]
    assert len({line.split(".")[1] for line in local["LIMT"].splitlines()[1:]}) > 1


def test_examples_of_a_label_stand_together_or_apart() -> None:
    def jumps(layout: str) -> int:
        labels = [t.text.rsplit(" ", 1)[1] for t in generate("licon-bench", 3000, 1, layout=layout)[0].turns]
        return sum(a != b for a, b in itertools.pairwise(labels))

    assert jumps("grouped") < 70 < jumps("scattered")


def test_labels_are_words_that_can_be_guessed_or_numbers_and_rounds_keep_their_order() -> None:
    session = generate("licon-bench", 3000, 1, labels=10)[0]
    labels = [t.text.rsplit("intent category: ", 1)[1] for t in session.turns]
    assert labels[:10] == labels[10:20] and len(set(labels)) == 10
    for probe in session.probes:
        verb, thing = probe.gold[0].rsplit("_", 1)
        assert verb.replace("_", " ") in probe.question and thing in probe.question
        assert probe.scores == ("longicl-em",)
    assert generate("licon-bench", 3000, 1, names="numbers")[0].probes[0].scores == ("icl-em",)


def test_every_label_has_equally_many_shots() -> None:
    session = generate("many-shot", 3000, 1)[0]
    shots = Counter(t.text.rsplit("label: ", 1)[1] for t in session.turns)
    assert max(shots.values()) - min(shots.values()) <= 1
    assert {p.scores for p in session.probes} == {("icl-em",)}


def test_labelled_files_become_sets_of_the_benchmarks_shape(tmp_path: Any) -> None:
    told, asked = tmp_path / "train.csv", tmp_path / "test.csv"
    rows = [(f"I want to {verb} item {n}", verb) for n in range(6) for verb in ("send", "stop", "count")]
    told.write_text("text,category\n" + "".join(f"{a},{b}\n" for a, b in rows), encoding="utf-8")
    asked.write_text("text,category\nplease stop it all,stop\n", encoding="utf-8")
    session = generate("many-shot", 150, 1, told=str(told), asked=str(asked))[0]
    assert [(p.question, p.gold) for p in session.probes] == [("please stop it all", ("2",))]
    assert {session.turns[n].text.rsplit("\n", 1)[1] for n in session.probes[0].evidence} == {"label: 2"}
    both = tmp_path / "data_full.json"
    pairs = {"train": [["hi there", "greet"], ["bye", "leave"]], "test": [["hello", "greet"], ["what", "oos"]]}
    both.write_text(json.dumps(pairs | {"oos_test": [["x", "oos"]]}), encoding="utf-8")
    session = generate("many-shot", 150, 1, told=str(both))[0]
    assert [(p.question, p.gold) for p in session.probes] == [("hello", ("0",))]


def test_a_file_that_holds_no_labels_is_named(tmp_path: Any) -> None:
    path = tmp_path / "talk.json"
    path.write_text('[{"role": "user", "content": "hi"}]', encoding="utf-8")
    with pytest.raises(GeneratorError, match="no labelled utterances"):
        generate("many-shot", 500, told=str(path))


def test_biographies_are_asked_in_all_three_settings() -> None:
    probes = generate("long-bio-bench", 3000, 1)[0].probes
    assert {p.extra["setting"] for p in probes} == {"understanding", "reasoning", "trustworthiness"}
    plain, other = (generate("long-bio-bench", 800, 1, text=t)[0].turns[0].text for t in ("plain", "paraphrased"))
    assert plain != other


def test_false_options_are_there_to_be_refused() -> None:
    probes = generate("humble-bench", 2000, 1)[0].probes
    assert Counter(p.extra["type"] for p in probes) == {"Object": 10, "Attribute": 10, "Relation": 10}
    assert sum(p.gold[0] == "E" for p in probes) == sum("humblebench-none" in p.scores for p in probes) == 6
    for probe in generate("humble-bench", 2000, 1, mode="nota-only")[0].probes:
        assert probe.gold == ("E", "None of the above")
        assert len(probe.question.splitlines()) == 5 + (probe.extra["was"] == "E")


def test_a_life_log_goes_on_for_days() -> None:
    session = generate("x-le-bench", 8000, 1)[0]
    days = [t.date[:10] for t in session.turns]
    assert days == sorted(days)
    assert len(set(days)) > 50
    assert {p.extra["task"] for p in session.probes} >= {
        "lookup", "counting", "object-retrieval", "people-retrieval", "summarisation",
    }  # fmt: skip


def test_chains_are_asked_while_the_stream_goes_on() -> None:
    dialogue, streaming = (generate("sv-bench", 4000, 1, mode=m)[0] for m in ("dialogue", "streaming"))
    assert {p.extra["step"] for p in dialogue.probes} == {1, 2, 3, 4, 5, 6}
    assert {p.extra["relation"] for p in dialogue.probes} == {"Quantity", "People", "Objects", "Environment", "Events"}
    for session in (dialogue, streaming):
        assert len({p.after for p in session.probes}) == len(session.probes)
        for probe in session.probes:  # the question and its right answer are in the conversation afterwards
            said = [t.text for t in session.turns[probe.after + 1 : probe.after + 3]]
            assert said == [probe.question, probe.gold[0]]
    steps = [len(list(own)) for _, own in itertools.groupby(streaming.probes, lambda p: p.extra["chain"])]
    assert sum(steps) / len(steps) < 3, "most paths leave a chain after a step"


def test_events_last_some_seconds_and_are_asked_for_in_four_ways() -> None:
    probes = generate("et-bench", 3000, 1)[0].probes
    assert {p.extra["task"] for p in probes} == {"tvg", "epm", "tal", "vhd"}
    assert any(len(p.extra["spans"]) > 1 for p in probes if p.extra["task"] == "tal")
    assert all(("etbench-iou" in p.scores) == (p.extra["task"] in ("tvg", "epm")) for p in probes)
    for probe in probes:
        assert all(start <= end for start, end in probe.extra["spans"])
        assert not score("event-time", probe, "It happens in 0 - 99999 seconds").correct


def test_long_answers_are_checked_part_by_part() -> None:
    probe = generate("long-gen-bench", 1500, 1)[0].probes[0]
    assert {c["kind"] for c in probe.extra["checks"]} == {"once", "range", "periodic"}
    gold = probe.gold[0]
    assert score("checks", probe, gold).score == 1.0
    without = "\n".join(line for line in gold.splitlines() if not line.startswith("Week 2:"))
    assert not score("checks", probe, without).correct
    everything = " ".join(c["says"] for c in probe.extra["checks"])
    assert score("checks", probe, everything).score == 0.0


def test_tool_calls_are_turns_of_their_tools() -> None:
    session = generate("tool-llm", 1500, 1)[0]
    calls = {s: [t for t in generate("tool-llm", 6000, 1, scenario=s)[0].turns if t.role == "tool"]
             for s in ("G1", "G2", "G3")}  # fmt: skip
    asked = {s: [t for t in generate("tool-llm", 6000, 1, scenario=s)[0].turns if t.role == "user"] for s in calls}
    assert len(calls["G1"]) == len(asked["G1"])
    assert all(len(calls[s]) >= 2 * len(asked[s]) for s in ("G2", "G3"))
    assert {t.role for t in session.turns} == {"user", "assistant", "tool"}
    assert {p.extra["task"] for p in session.probes} == {"tool", "argument", "result", "order"}


def test_facts_change_up_to_six_times() -> None:
    probes = generate("conflict-chains", 6000, 1)[0].probes
    assert {p.extra["versions"] for p in probes} == {1, 2, 3, 4, 5, 6}
    assert all(len(p.extra["stale"]) == p.extra["versions"] - 1 for p in probes)


def test_in_multi_turn_mode_the_questions_before_are_in_the_conversation() -> None:
    one, many = (generate("sc-bench", 2000, 1, mode=m)[0] for m in ("multi-request", "multi-turn"))
    assert len({p.after for p in one.probes}) == 1
    assert len({p.after for p in many.probes}) == len(many.probes)
    for before, after in itertools.pairwise(many.probes):
        said = [t.text for t in many.turns[before.after + 1 : after.after + 1]]
        assert said == [before.question, ", ".join(before.gold)]
    mixed = generate("sc-bench", 4000, 1, task="mixed")[0]
    assert len({p.extra["dataset"] for p in mixed.probes}) == 5
    assert all(p.scores == ("scbench",) for p in mixed.probes)


@pytest.mark.parametrize(
    ("name", "tokens", "options", "said"),
    [
        ("poetry", 500, {}, "no generator 'poetry' - one of needle-bench"),
        ("sort", 5, {}, "--tokens 5 is out of range"),
        ("sort", 100, {}, "nothing can be asked of 100 tokens - try --tokens 400"),
        ("sort", 500, {"colour": 1}, "no option 'colour' - there are probes, words"),
        ("sort", 500, {"probes": "many"}, "not a whole number"),
        ("sort", 500, {"probes": 0}, "between 1 and 1000"),
        ("worm", 500, {"items": 1}, "items=1 must lie between 3 and 18"),
        ("needle-bench", 500, {"task": "both"}, "one of single, multi, reasoning"),
    ],
)
def test_wrong_usage_says_what_is_possible(name: str, tokens: int, options: dict[str, Any], said: str) -> None:
    with pytest.raises(GeneratorError, match=said) as caught:
        generate(name, tokens, **options)
    assert "\n" not in str(caught.value)


def test_a_hierarchy_is_asked_in_eleven_ways_and_three_more_scenarios_in_theirs() -> None:
    probes = generate("hi-bench", 3000, 1)[0].probes
    told = {"parent", "ancestor", "depth", "children", "under", "move", "common-ancestor", "leaf", "all-ancestors",
            "root", "all-children"}  # fmt: skip
    more = {s: {p.extra["task"] for n in range(3) for p in generate("hi-bench", 3000, n, scenario=s)[0].probes}
            for s in ("binary", "json", "formula")}  # fmt: skip
    assert more == {
        "binary": {"balance", "preorder", "inorder", "postorder", "verification", "mirror", "isomorphic"},
        "json": {"child_count", "node_depth", "node_attribute", "level_count", "path_down_to_up", "shared_ancestor"},
        "formula": {"calculate", "convert", "equivalent"},
    }
    assert {p.extra["task"] for p in probes} == told
    assert {p.competency for p in probes} == {"long_range_understanding", "conflict_resolution"}


def test_guesses_are_made_after_the_story() -> None:
    session = generate("turtle-bench", 2000, 1)[0]
    golds = {p.gold for seed in range(4) for p in generate("turtle-bench", 2000, seed)[0].probes}
    assert golds == {("Correct",), ("Incorrect", "Unknown"), ("Unknown", "Incorrect")}
    assert all(p.scores == ("turtlebench",) for p in session.probes)
    for probe in session.probes:
        assert f"Puzzle {probe.extra['puzzle']}." in session.turns[probe.evidence[0]].text
        assert probe.after > max(probe.evidence)
