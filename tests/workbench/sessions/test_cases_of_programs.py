"""Cases from public reports about exports, agents' logs and traces (``../shared/cases``), each with its right value."""

from pathlib import Path
from typing import NamedTuple

import pytest

from workbench.sessions import formats


class Case(NamedTuple):
    """What a file must come out as: format, session's name, turns as (role, speaker, text, date)."""

    format: str
    name: str
    turns: list[tuple[str, str, str, str]]
    gold: tuple[str, ...] = ()


HOURS, SEVEN = "When do we open?", "At seven."
CASES = {
    "B1_anthropic_tools.json": Case(
        "anthropic",
        "B1_anthropic_tools",
        [
            ("system", "", "You keep a garden diary.", ""),
            ("user", "", "Which seeds are left?", ""),
            ("assistant", "", 'I look into the shed list.\nlist_seeds({"shelf": "top"})', ""),
            ("tool", "list_seeds", "beans 40, kale 12", ""),
            ("assistant", "", "Forty beans and twelve kale seeds.", ""),
        ],
    ),
    "B4_langfuse_generations.jsonl": Case(
        "langfuse",
        "B4_langfuse_generations",
        [
            ("system", "", "Be brief.", "2024-05-01T09:00:00Z"),
            ("user", "", "I moved my boat to pier 9.", "2024-05-01T09:00:00Z"),
            ("assistant", "", "Pier 9, noted.", "2024-05-01T09:00:00Z"),
            ("user", "", "Where is my boat?", "2024-05-01T09:01:00Z"),
            ("assistant", "", "At pier 9.", "2024-05-01T09:01:00Z"),
        ],
    ),
    "D9_langgraph_messages.json": Case(
        "langchain",
        "D9_langgraph_messages",
        [
            ("user", "", "My kiosk opens at seven.", ""),
            ("assistant", "", 'save({"hour": 7})', ""),
            ("tool", "save", "saved", ""),
        ],
    ),
    "D11_zipped_log.eval": Case(
        "inspect", "kiosk 1", [("user", "", HOURS, ""), ("assistant", "", SEVEN, "")], ("seven",)
    ),
    "P1_chatgpt_conversations.json": Case(
        "chatgpt",
        "Kiosk",
        [
            ("user", "", "A slogan please", "2024-05-01T10:00:00.5Z"),
            ("assistant", "", "New slogan", "2024-05-01T10:00:09.5Z"),
        ],
    ),
    "P2_claude_conversations.json": Case(
        "claude",
        "Kiosk",
        [
            ("user", "", "[file: hours.txt]\nOpen seven to six.", "2024-05-01T10:00:00Z"),
            ("assistant", "", SEVEN, "2024-05-01T10:00:05Z"),
        ],
    ),
    "P3_claude_code.jsonl": Case(
        "claude_code",
        "s1",
        [
            ("user", "", HOURS, "2025-06-01T08:00:00Z"),
            ("assistant", "", 'Read({"file": "hours.txt"})', "2025-06-01T08:00:03Z"),
            ("tool", "Read", "seven to six", "2025-06-01T08:00:04Z"),
            ("assistant", "", SEVEN, "2025-06-01T08:00:06Z"),
        ],
    ),
    "P4_codex_rollout.jsonl": Case(
        "codex",
        "P4_codex_rollout",
        [("user", "", HOURS, "2025-06-01T08:00:01Z"), ("assistant", "", SEVEN, "2025-06-01T08:00:02Z")],
    ),
    "P5_sharegpt.json": Case(
        "sharegpt", "x1_0", [("user", "", "My kiosk opens at seven.", ""), ("assistant", "", "Seven, noted.", "")]
    ),
    "P6_otel_genai_span.jsonl": Case(
        "otel",
        "P6_otel_genai_span",
        [("user", "", HOURS, "2024-05-01T10:00:00Z"), ("assistant", "", SEVEN, "2024-05-01T10:00:00Z")],
    ),
    "P7_letta.af": Case(
        "letta",
        "kiosk",
        [
            ("system", "", "You keep a kiosk.", "2025-10-31T22:56:56Z"),
            ("user", "", HOURS, "2025-10-31T22:57:00Z"),
            ("assistant", "", SEVEN, "2025-10-31T22:57:03Z"),
        ],
    ),
    "P8_inspect_log.json": Case(
        "inspect", "kiosk 1", [("user", "", HOURS, ""), ("assistant", "", SEVEN, "")], ("seven",)
    ),
    "P14_autogen_history.json": Case(
        "autogen", "q1", [("user", "boss", HOURS, ""), ("assistant", "clerk", "At eight.", "")], ("seven",)
    ),
}


@pytest.mark.parametrize("file", CASES)
def test_a_case_comes_out_right(shared_data: Path, file: str) -> None:
    wanted = CASES[file]
    (session,) = formats.read(shared_data.parent / "cases" / file)
    assert (session.format, session.name) == (wanted.format, wanted.name)
    assert [(t.role, t.speaker, t.text, t.date) for t in session.turns] == wanted.turns
    assert [p.gold for p in session.probes] == ([wanted.gold] if wanted.gold else [])


def test_what_a_case_keeps_beside_its_turns(shared_data: Path) -> None:
    def case(file: str) -> object:
        (session,) = formats.read(shared_data.parent / "cases" / file)
        return session

    chatgpt, letta, autogen = map(case, ("P1_chatgpt_conversations.json", "P7_letta.af", "P14_autogen_history.json"))
    assert "another branch is left out, ending in a_old ('Old slogan')" in str(chatgpt)
    assert "'label': 'human', 'value': 'Owns a kiosk.'" in str(letta)
    assert "'mistake_step': '1'" in str(autogen)
