"""Training rows and memory operations of the bundled model."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import Any

import pytest

pytest.importorskip("tokenizers", reason="the bundled model is trained with the extra 'train'")

import data
import operations
import phrasing
import tokenizer as tokens
import words

from workbench.sessions.synthesis import language, vocabulary


@pytest.fixture(scope="module")
def encoder() -> data.Encoder:
    return data.Encoder()


@pytest.mark.parametrize("length", [96, 400])
def test_pieces_have_the_tokens_of_the_whole(encoder: data.Encoder, length: int) -> None:
    r = random.Random(length)
    level = data.Level(length, simple=0.3, framed=0.6)
    for _ in range(40):
        row = data.stream(r, level)
        ids, tasks, *_ = encoder.rows([row])[0]
        assert ids == encoder.tokenizer.encode("".join(text for text, _, _ in row), add_special_tokens=False).ids
        assert len(tasks) == len(ids) and max(tasks) >= 0


def test_answers_can_be_read_in_the_row(encoder: data.Encoder) -> None:
    r = random.Random(4)
    found = 0
    for _ in range(60):
        row = data.stream(r, data.Level(300))
        before = ""
        for text, task, _ in row:
            if task in (data.TASK["recall"], data.TASK["newest"], data.TASK["labels"]):
                assert text.removesuffix("<|end|>").strip() in before
                found += 1
            before += text
    assert found > 100


def test_held_out_words_are_never_trained_on() -> None:
    r = random.Random(1)
    text = " ".join(piece for _ in range(150) for piece, _, _ in data.stream(r, data.Level(300)))
    for _ in range(300):
        _, sample = operations.sample(r)
        text += " " + operations.rendered(sample.operation) + operations.compact(sample.right)
    words = set(re.findall(r"\w+", text))
    shared = {"writing", "weaving"}  # words of prompts, too
    held_out = {word for pool in (vocabulary.NAMES, *vocabulary.VALUES.values()) for word in pool.heldout} - shared
    assert not words & held_out
    for attribute in language.ATTRIBUTES:
        for phrase in attribute.told.heldout:
            assert not re.search(": " + re.escape(phrase).replace(r"\{v\}", r"\w+"), text), phrase


def test_invented_words_begin_with_any_token(encoder: data.Encoder) -> None:
    r = random.Random(7)
    begun = {encoder.tokenizer.encode(words.invented(r), add_special_tokens=False).ids[0] for _ in range(3000)}
    assert len(begun) > 900, "without words of any tokens it is 588"


def test_no_phrasing_of_training_is_held_out() -> None:
    r, heard = random.Random(2), set()
    for _ in range(3000):
        attribute = r.choice(language.ATTRIBUTES)
        heard |= {phrasing.told(r, attribute, r.random() < 0.5), phrasing.asked(r, attribute)}
        heard |= {phrasing.of(r, pool) for pool in phrasing.MORE}
    assert len(heard) > 3000, "what is heard is varied"
    held = [pool for a in language.ATTRIBUTES for pool in (a.told, a.changed, a.asked)] + list(phrasing.MORE)
    assert not heard & {phrase for pool in held for phrase in pool.heldout}
    for phrase in heard:
        assert phrase.format(**dict.fromkeys("pvnwal", "x")), phrase


@pytest.mark.parametrize("length", [400, data.FAR, 2048])
def test_rows_end_with_their_questions(encoder: data.Encoder, length: int) -> None:
    """A row is cut at its length: what is asked beyond it was never learned."""
    r, asked, kept = random.Random(3), 0, 0
    for _ in range(60):
        row = data.stream(r, data.Level(length))
        asked += sum(text.endswith("<|assistant|>") for text, _, _ in row)
        ids = encoder.rows([row])[0].ids
        kept += sum(token == tokens.ASSISTANT for token in ids[:length])
    assert kept >= 0.8 * asked


def test_rows_about_changes_ask_about_changes() -> None:
    r, asked = random.Random(6), Counter[str]()
    numbers = Counter[str]()
    for _ in range(150):
        row = data.stream(r, data.Level(500, advanced=0.6, who=0.15, changing=True))
        for text, task, _ in row:
            if task >= 0:
                asked[data.TASKS[task]] += 1
                if task == data.TASK["count"]:
                    numbers[text] += 1
    kinds = ("order", "teller", "who", "count", "people", "most")
    assert sum(asked[kind] for kind in kinds) > 0.5 * asked.total()
    assert all(asked[kind] > 20 for kind in kinds)
    assert numbers.most_common(1)[0][1] < 0.5 * numbers.total(), "guessing one number does not pay"


def test_what_is_known_follows_from_the_row(encoder: data.Encoder) -> None:
    """At the end of every line and question; the heads of training are taught by it."""
    r, seen = random.Random(8), Counter[str]()
    for _ in range(60):
        pieces = data.stream(r, data.Level(400, changing=True))
        row = encoder.rows([pieces])[0]
        assert len(row.known) == sum(piece.known is not data.NOTHING for piece in pieces)
        people: dict[int, set[int]] = {}
        for at, numbers in row.known:
            known = data.Known(*numbers)  # type: ignore[arg-type]
            assert encoder.tokenizer.id_to_token(row.ids[at]) in ("Ċ", "<|assistant|>")
            said = {encoder.tokenizer.id_to_token(token).removeprefix("Ġ") for token in row.ids[: at + 1]}
            for word in (known.before, known.leader, known.teller):
                assert word == -1 or encoder.tokenizer.id_to_token(word) in said
            if known.kind >= 0:
                seen[data.KINDS[known.kind]] += 1
            elif known.version >= 0:
                told = people.setdefault(known.attribute, set())
                assert known.opens == (0 if known.version else 2 if known.people == 1 else 1)
                assert (known.before == -1) == (known.version == 0)
                assert (known.person in told) or known.opens
                told.add(known.person)
                assert len(told) <= known.people  # two names may begin with one token
    assert set(seen) == set(data.KINDS)


@pytest.mark.parametrize("name", list(operations.MAKERS))
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_right_answers_fit_the_schema(name: str, split: Any) -> None:
    for seed in range(40):
        _, sample = operations.sample(random.Random(seed), name, split)
        assert sample.operation.purpose == name
        assert sample.operation.schema is not None
        assert_fits(sample.right, sample.operation.schema)
        longest = sample.operation.max_tokens
        assert len(operations.compact(sample.right)) < 4 * longest


def assert_fits(value: Any, schema: dict[str, Any]) -> None:
    """The part of JSON schema that the prompts use."""
    if "enum" in schema:
        assert value in schema["enum"]
    kind = schema["type"]
    if kind == "object":
        assert list(value) == schema["required"] == list(schema["properties"])
        for key, part in schema["properties"].items():
            assert_fits(value[key], part)
    elif kind == "array":
        assert schema["minItems"] <= len(value) <= schema["maxItems"]
        for entry in value:
            assert_fits(entry, schema["items"])
    elif kind == "integer":
        assert schema["minimum"] <= value <= schema["maximum"]
    else:
        assert isinstance(value, str) and len(value) <= schema.get("maxLength", 10**6)


def test_decisions_follow_the_memories() -> None:
    events = []
    for seed in range(80):
        _, sample = operations.sample(random.Random(seed), "decide")
        body = sample.operation.messages[1].text
        memories = dict(re.findall(r"^(\d+) \| (.*)$", body, re.M))
        new = body.split("New facts\n")[1].split("\n")
        for fact, entry in zip(new, sample.right["memory"], strict=True):
            events.append(entry["event"])
            old = memories.get(str(entry["id"]))
            if entry["event"] == "ADD":
                assert entry["id"] == len(memories) and entry["text"] == fact
            elif entry["event"] == "NONE":
                assert old == fact == entry["text"]
            elif entry["event"] == "UPDATE":
                assert old != fact == entry["text"]
            else:
                assert entry["text"] == fact and "no longer" in fact
    assert set(events) == {"ADD", "UPDATE", "DELETE", "NONE"}


def test_names_are_the_same_tokens_wherever_they_stand(encoder: data.Encoder) -> None:
    def pieces(text: str) -> list[str]:
        return list(encoder.tokenizer.encode(text).tokens)

    for name in (*vocabulary.NAMES.train[:30], *vocabulary.NAMES.heldout[:30]):
        alone = pieces(name)
        assert pieces(f"What is {name}'s job?")[3 : 3 + len(alone)] == alone
        assert pieces(f'{{"facts":["{name} works')[3 : 3 + len(alone)] == alone


def test_the_tokenizer_can_be_rebuilt(encoder: data.Encoder) -> None:
    model = encoder.tokenizer
    for number, name in enumerate(tokens.SPECIAL):
        assert model.token_to_id(name) == number
    assert len(model.encode("<|system|>x<|end|>").ids) == 3


def test_the_chat_template_renders_as_training_does() -> None:
    jinja2 = pytest.importorskip("jinja2")
    template = jinja2.Environment().from_string(tokens.CHAT_TEMPLATE)
    for name in operations.MAKERS:
        _, sample = operations.sample(random.Random(2), name)
        messages = [{"role": m.role, "content": m.text} for m in sample.operation.messages]
        assert template.render(messages=messages, add_generation_prompt=True) == operations.rendered(sample.operation)


def test_no_talk_of_training_is_held_out() -> None:
    r, speech = random.Random(6), operations.Speech(random.Random(6))
    world = data.new_world(r, data.Level(400))
    slots = re.compile(r"\\\{[a-z]+\\\}")
    pools = (language.SMALL_TALK, language.ACKNOWLEDGE_FACT, language.ACKNOWLEDGE_TALK)
    patterns = [re.compile(slots.sub(r"[A-Za-z]+", re.escape(said))) for pool in pools for said in pool.heldout]
    assert patterns[0].fullmatch("The sky is grey this morning.")
    for _ in range(4000):
        said = r.choice((speech, world)).talk().partition(": ")[2]
        assert not any(pattern.fullmatch(said) for pattern in patterns), said


def test_a_fact_depends_on_slots_of_its_own_person() -> None:
    r = random.Random(7)
    found = 0
    for _ in range(400):
        speech = operations.Speech(r)
        fact = speech.fact()
        if fact.attribute is None:
            continue
        task, options, right = operations._depends(speech, fact)
        wanted = {f"{fact.person} {noun}" for noun in operations.DEPENDS.get(fact.noun, ()) if fact.sentence in task}
        assert options and len(set(options)) == len(options)
        assert right == [option for option in options if option in wanted]
        assert f"{fact.person} {fact.noun}" not in options
        found += bool(right)
    assert found > 80
