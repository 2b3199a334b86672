"""The plain prompts: one line of instruction and a JSON schema for each memory operation, shared by the strategies.

They are what the bundled model was trained on (``packaging/demo_model`` trains on exactly these strings). Every other
model is asked with the method's own prompt in ``resources/prompts/`` (``Operation.full``). Every list in a prompt is
one entry per line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.llm.messages import Message

UNKNOWN = "unknown"
"""What a model is told to answer when the memory does not say it."""

MAX_TEXT = 400
"""Longest string, in characters, that a grammar lets a model write in one field."""


FULL_TOKENS = 1000
"""Tokens that an answer to a full prompt may have where the publication does not say."""


@dataclass(frozen=True, slots=True)
class Full:
    """How a model is asked that understands more than the one-liners: the method's own prompt.

    Attributes:
        method, name: which prompt, ``<method>/<name>.md``.
        inputs: what its template may show.
        schema: JSON schema of the answer, without the limits of a small model.
        folder: where a method from outside keeps its prompts; empty for those that ship.
        extends: methods whose prompt of this name serves where the method has none of its own.
        reads: how an answer to the one-liner is written in ``schema``; None where its names are the same.
    """

    method: str
    name: str
    inputs: Mapping[str, Any]
    schema: dict[str, Any]
    max_tokens: int = FULL_TOKENS
    folder: str = ""
    extends: tuple[str, ...] = ()
    reads: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a model is asked: ``purpose`` names it in the trace, ``schema`` (JSON schema) constrains the output.

    ``messages``, ``schema`` and ``max_tokens`` are the plain rendering, for the bundled model; ``full`` is the method's
    own prompt, for every other. Which of both is sent is the run's prompt set (``workbench.memory.prompt_sets``).
    ``room`` multiplies ``max_tokens`` when an answer was cut off and is asked for again. ``verbatim`` sends
    ``messages`` as they are, whatever the prompt set: the prompts of a memory system from elsewhere are its own.
    """

    purpose: str
    messages: tuple[Message, ...]
    schema: dict[str, Any] | None
    max_tokens: int = 256
    full: Full | None = None
    room: int = 1
    verbatim: bool = False


def answer(context: Sequence[str], question: str) -> Operation:
    """Answer ``question`` from the context spans; free text, a few words, ``UNKNOWN`` when it is not there."""
    task = f"Answer from the memory in a few words. If the memory does not say it, answer {UNKNOWN}."
    return Operation("answer", _chat(task, Memory=context, Question=[question]), None, max_tokens=32)


def next_question(question: str) -> Message:
    """A further question about the memory that an answer was given from."""
    return Message("user", f"Question\n{question}")


def note(message: str) -> Operation:
    """A-MEM's note analysis: ``{keywords, context, tags}`` of one message."""
    schema = _object(keywords=_strings(8), context=_string(), tags=_strings(6))
    return Operation("note", _chat("Write a note about the message.", Message=[message]), schema)


def evolve(new: str, neighbours: Sequence[str]) -> Operation:
    """A-MEM's evolution: which neighbours to link, the note's tags, and rewritten contexts and tags of neighbours."""
    update = _object(neighbour=_index(neighbours), context=_string(), tags=_strings(6))
    schema = _object(links=_indexes(neighbours), tags=_strings(6), updates=_array(update, len(neighbours)))
    task = "Link the new note to the neighbours about the same thing, and update the neighbours that it changes."
    messages = _chat(task, **{"Neighbours": _numbered(neighbours), "New note": [new]})
    return Operation("evolve", messages, schema, max_tokens=512)


def facts(messages: Sequence[str]) -> Operation:
    """Every fact worth keeping in the messages, each a sentence that stands alone: ``{facts: []}``, may be empty."""
    schema = _object(facts=_strings(12))
    return Operation("facts", _chat("List the facts in the messages.", Messages=messages), schema, max_tokens=384)


def decide(memories: Sequence[str], new_facts: Sequence[str]) -> Operation:
    """Mem0's update decision: one entry per new fact, ``{memory: [{text, id, event}]}``.

    ``text`` is what the memory says afterwards (of DELETE: the fact that ends it); ``id`` is the number of the old
    memory that it is about (ADD repeats the count of memories, one past the last); ``event`` is ADD, UPDATE, DELETE or
    NONE. Each follows from the ones before it, which is the order that small models get right.
    """
    entry = _object(
        text=_string(),
        id={"type": "integer", "minimum": 0, "maximum": len(memories)},
        event={"type": "string", "enum": ["ADD", "UPDATE", "DELETE", "NONE"]},
    )
    schema = _object(memory=_array(entry, len(new_facts), at_least=len(new_facts)))
    task = "For each new fact decide how it changes the memories: ADD, UPDATE, DELETE or NONE."
    messages = _chat(task, **{"Memories": _numbered(memories), "New facts": new_facts})
    return Operation("decide", messages, schema, max_tokens=96 * max(1, len(new_facts)))


def relate(new: str, others: Sequence[str]) -> Operation:
    """The verdict on each neighbour of a new text: contradictory, redundant or independent."""
    verdict = {"type": "string", "enum": ["contradictory", "redundant", "independent"]}
    schema = _object(verdicts=_array(verdict, len(others), at_least=len(others)))
    task = "Say for each old memory if it is contradictory, redundant or independent of the new one."
    return Operation("relate", _chat(task, Old=_numbered(others), New=[new]), schema)


def summarise(texts: Sequence[str]) -> Operation:
    """One short text that keeps every name and value of ``texts``: ``{summary}``."""
    schema = _object(summary=_string())
    return Operation("summarise", _chat("Summarise in one text. Keep every value.", Facts=texts), schema, 384)


def choose(task: str, options: Sequence[str], most: int = 1) -> Operation:
    """Up to ``most`` of the options that fit the task (a tool, a memory type, a tag): ``{choice: []}``."""
    schema = _object(choice=_array({"type": "string", "enum": list(options)}, most))
    messages = _chat("Choose the options that fit the task.", Task=[task], Options=options)
    return Operation("choose", messages, schema, max_tokens=24 * max(1, most))


def check(text: Sequence[str], question: str) -> Operation:
    """A yes/no question about the text: ``{answer: "yes" | "no"}``."""
    schema = _object(answer={"type": "string", "enum": ["yes", "no"]})
    messages = _chat("Answer yes or no about the text.", Text=text, Question=[question])
    return Operation("check", messages, schema, max_tokens=16)


def keywords(question: str) -> Operation:
    """The words of a question to search a memory with: ``{keywords: []}``."""
    schema = _object(keywords=_strings(8))
    return Operation("keywords", _chat("List the keywords of the question.", Question=[question]), schema, 96)


def relevant(question: str, memories: Sequence[str]) -> Operation:
    """The numbers of the memories that help to answer the question: ``{useful: []}``."""
    schema = _object(useful=_indexes(memories))
    task = "List the numbers of the memories that help to answer the question."
    return Operation("relevant", _chat(task, Memories=_numbered(memories), Question=[question]), schema, 128)


def entities(messages: Sequence[str]) -> Operation:
    """Mem0's graph: the people, places and things in the messages: ``{entities: [{name, type}]}``."""
    schema = _object(entities=_array(_object(name=_string(), type=_string()), 12))
    return Operation(
        "entities", _chat("List the people, places and things in the messages.", Messages=messages), schema
    )


def relations(messages: Sequence[str], names: Sequence[str]) -> Operation:
    """Mem0's graph: how named things relate: ``{relations: [{source, relation, destination}]}``, numbers of names."""
    edge = _object(source=_index(names), relation=_string(), destination=_index(names))
    schema = _object(relations=_array(edge, 12))
    task = "Say which of the names the messages relate to each other, and how."
    return Operation("relations", _chat(task, Names=_numbered(names), Messages=messages), schema)


def questions(message: str, most: int = 4) -> Operation:
    """Tool2Vec's usage: questions that the message would answer: ``{questions: []}``."""
    schema = _object(questions=_strings(most))
    return Operation("questions", _chat("List questions that the message answers.", Message=[message]), schema, 192)


def loosened(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without the limits that fit a small model: texts of any length, lists of any count.

    Lists whose length is part of the question (one verdict per memory, numbers of what was shown) keep their bounds.
    """
    out: dict[str, Any] = {k: v for k, v in schema.items() if k != "maxLength"}
    if "properties" in schema:
        out["properties"] = {name: loosened(part) for name, part in schema["properties"].items()}
    if "items" in schema:
        out["items"] = loosened(schema["items"])
        kind, exact = schema["items"].get("type"), schema.get("minItems") == schema.get("maxItems")
        if kind in ("string", "object") and "enum" not in schema["items"] and not exact:
            out.pop("maxItems", None)
    return out


def _chat(task: str, **sections: Sequence[str]) -> tuple[Message, ...]:
    body = "\n".join("\n".join([title, *lines]) for title, lines in sections.items())
    return Message("system", task), Message("user", body)


def _numbered(lines: Sequence[str]) -> list[str]:
    return [f"{number} | {line}" for number, line in enumerate(lines)]


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _string() -> dict[str, Any]:
    return {"type": "string", "maxLength": MAX_TEXT}


def _strings(most: int) -> dict[str, Any]:
    return _array({"type": "string", "maxLength": MAX_TEXT}, most)


def _array(of: dict[str, Any], most: int, at_least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": at_least, "maxItems": most}


def _index(lines: Sequence[str]) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": max(0, len(lines) - 1)}


def _indexes(lines: Sequence[str]) -> dict[str, Any]:
    return _array(_index(lines), len(lines))
