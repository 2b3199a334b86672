"""Cases of benchmark and OpenAI files (``../shared/cases``), each with its right value; hostile files; counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.cli.inspect import describe
from workbench.errors import SessionFormatError
from workbench.sessions import Probe, Session, formats


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> Path:
    return shared_data.parent / "cases"


def one(path: Path) -> Session:
    (session,) = formats.read(path)
    return session


def dated(session: Session) -> list[tuple[str, str]]:
    return [(t.text, t.date) for t in session.turns]


def asked(session: Session) -> dict[str, tuple[Any, ...]]:
    return {p.id: (p.gold, p.evidence) for p in session.probes}


def test_a1_the_date_of_the_sitting_is_on_its_turns(cases: Path) -> None:
    session = one(cases / "A1_locomo_when.json")
    assert [t.date for t in session.turns] == ["2023-05-08T13:56"] * 2 + ["2023-09-13T00:09"] * 2
    assert [t.said for t in session.turns][1] == "Ola: How nice, was the water cold?"
    assert {t.role for t in session.turns} == {"user"}


def test_a3_iso_dates_put_the_newer_sitting_last(cases: Path) -> None:
    session = one(cases / "A3_longmemeval_iso_dates.json")
    assert [t.date[:16] for t in session.turns] == ["2023-05-20T02:21"] * 2 + ["2023-05-22T10:00"] * 2
    assert [t.text for t in session.turns][::2] == ["My boat is moored at Pier 4.", "My boat is now moored at Pier 9."]
    assert (asked(session), session.warnings) == ({"q_boat": (("Pier 9",), (2,))}, ())
    assert session.probes[0].asked == "2023-05-30T23:40"


def test_a4_times_under_many_names(cases: Path) -> None:
    session = one(cases / "A4_time_keys.json")
    assert [t.date for t in session.turns] == [
        "2024-05-01T10:00:00Z",
        "2024-05-01T10:00:05Z",
        "2024-05-02T08:00:00",
        "2024-05-02T08:00:05Z",
    ]
    assert session.warnings == ()


def test_a5_disorder_is_remarked(cases: Path) -> None:
    session = one(cases / "A5_messages_backwards.json")
    assert session.warnings == ("messages[2]: is older than messages[1]; the order is kept",)


def test_b3_a_thread_oldest_first(cases: Path) -> None:
    session = one(cases / "B3_assistants_thread.json")
    assert [t.role for t in session.turns] == ["user", "assistant", "user", "assistant"]
    assert dated(session)[0] == ("Please book the kiln for Friday.", "2024-05-01T10:00:00Z")
    assert dated(session)[3] == ("The kiln is booked on Friday.", "2024-05-01T11:00:03Z")


def test_b6_what_was_spoken(cases: Path) -> None:
    session = one(cases / "B6_audio_reply.json")
    assert session.turns[1].text == "The boat is at pier nine."
    assert not any("empty" in w for w in session.warnings)


def test_b7_arguments_as_an_object_keep_their_letters(cases: Path) -> None:
    session = one(cases / "B7_tool_arguments_object.json")
    assert session.turns[1].text == '保存({"名字": "豆包", "动物": "猫"})'
    assert session.turns[2].speaker == "保存"
    assert not any("no result" in w for w in session.warnings)


def test_c1_requests_of_a_batch_stay_three(cases: Path) -> None:
    sessions = formats.read(cases / "C1_batch_same_question.jsonl")
    assert [(s.name, len(s.turns)) for s in sessions] == [("r-1", 2), ("r-2", 2), ("r-3", 2)]
    assert [s.turns[0].text for s in sessions][1] == "You are a ferryman."


def test_c3_rows_of_training_data_stay_three(cases: Path) -> None:
    sessions = formats.read(cases / "C3_finetune_same_start.jsonl")
    assert [len(s.turns) for s in sessions] == [3, 3, 5]


def test_d1_several_questions(cases: Path) -> None:
    session = one(cases / "D1_longmemeval_many_questions.json")
    assert len(session.turns) == 4
    assert asked(session) == {"q1": (("Pier 9",), (2,)), "q2": (("Lovely",), ())}


def test_d2_the_first_release(cases: Path) -> None:
    session = one(cases / "D2_locomo_first_release.json")
    assert (session.format, [t.date for t in session.turns]) == ("locomo", ["2023-05-08T13:56"] * 2)
    assert asked(session) == {"q1": (("a kayak",), (0,))}


def test_d4_lines_end_at_newlines_only(cases: Path) -> None:
    sessions = formats.read(cases / "D4_line_separator.jsonl")
    assert [t.text for s in sessions for t in s.turns][::2] == [
        "First line of my note\u2028second line of it",
        "The lamp says\u0085stop",
    ]


def test_d5_an_empty_conversation_costs_itself(cases: Path) -> None:
    sessions = formats.read(cases / "D5_one_empty_conversation.jsonl")
    assert [len(s.turns) for s in sessions] == [2, 2]
    assert "line 2: no turns; left out" in sessions[0].warnings


def test_d7_loose_fields(cases: Path) -> None:
    session = one(cases / "D7_locomo_loose_fields.json")
    assert [(p.evidence, p.extra["category"]) for p in session.probes] == [((0,), 4)] * 3


def test_d8_a_message_per_line(cases: Path) -> None:
    session = one(cases / "D8_one_message_per_line.jsonl")
    assert (session.format, len(session.turns)) == ("openai", 4)
    assert [t.date for t in session.turns][::3] == ["2024-05-01T09:00:00Z", "2024-05-01T09:00:11Z"]


def test_e1_golds_in_lists(cases: Path) -> None:
    assert asked(one(cases / "E1_gold_lists.json")) == {"f_no0": (("Bo Marsh", "Marsh"), (2,))}


def test_e3_nan_is_no_gold(cases: Path) -> None:
    session = one(cases / "E3_gold_nan.json")
    assert asked(session) == {"q1": (("a kayak",), (0,)), "q2": ((), (1,))}
    assert session.warnings == ("[0].qa[2]: no answer; the question is left out",)


def test_e4_marks_without_names_of_sittings(cases: Path) -> None:
    session = one(cases / "E4_has_answer_without_ids.json")
    assert (asked(session), session.warnings) == ({"q_boat": (("Pier 9",), (2,))}, ())


def test_g3_chinese_sentences(cases: Path) -> None:
    session = one(cases / "G3_mab_chinese_context.json")
    assert len(session.turns) >= 2
    assert all(len(t.text) <= 2000 and t.text.endswith("。") for t in session.turns)


def test_i1_the_same_source_twice(cases: Path) -> None:
    sessions = formats.read(cases / "I1_same_source_twice.json")
    assert [s.name for s in sessions] == ["factconsolidation_sh_6k", "factconsolidation_sh_6k (2)"]
    assert [list(asked(s)) for s in sessions] == [["t_no0"], ["g_no0"]]


def test_i2_the_same_question_id_twice(cases: Path) -> None:
    session = one(cases / "I2_same_question_id.json")
    assert [p.id for p in session.probes] == ["f", "f (2)"]
    assert len(session.warnings) == 1


REFUSED = {
    "bigint-locomo.json": "[0]: no turns",
    "deep-extra-900.json": "line 1, column 1070: broken JSON (nested too deeply)",
    "reader-RecursionError-683092f6.json": "line 1, column 697: broken JSON (nested too deeply)",
}
READ = {  # sessions, turns, probes
    "dup-ids-mab.json": (1, 4, 2),
    "locomo-cat-list.json": (1, 1, 0),
    "reader-AssertionError-329623f0.json": (2, 9, 0),
    "reader-AssertionError-3d28b60a.json": (2, 9, 0),
    "reader-KeyError-92e31ac1.json": (1, 26, 4),
    "reader-TypeError-7f857209.json": (2, 53, 8),
    "redos-lme-also2.json": (1, 1, 1),
    "redos-lme-date.json": (1, 1, 1),
    "redos-mab-fact-20k.json": (1, 3, 1),
    "rich-warning.json": (1, 1, 0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_one_line(cases: Path, name: str) -> None:
    path = cases / "robustness" / name
    with pytest.raises(SessionFormatError) as caught:
        formats.read(path)
    assert str(caught.value).startswith(f"{path}: {REFUSED[name]}")


@pytest.mark.parametrize("name", READ)
def test_a_hostile_file_is_read_as_far_as_it_goes(cases: Path, name: str, tmp_path: Path) -> None:
    sessions = formats.read(cases / "robustness" / name)  # the ones called redos took minutes
    counts = (len(sessions), sum(len(s.turns) for s in sessions), sum(len(s.probes) for s in sessions))
    assert counts == READ[name]
    path = tmp_path / "converted.json"
    path.write_text(json.dumps([s.to_json() for s in sessions], ensure_ascii=False, allow_nan=False), "utf-8")
    again = formats.read(path)
    assert [(s.turns, s.probes) for s in again] == [(s.turns, s.probes) for s in sessions]


def test_robustness_files_are_all_tried(cases: Path) -> None:
    assert {p.name for p in (cases / "robustness").glob("*.json")} == READ.keys() | REFUSED.keys()


DATA = {  # format, sessions, turns, probes; None: no session, and told so
    "banking77/categories.json": None,
    "banking77/test.csv": ("labels", 1, 3080, 0),
    "banking77/train.csv": ("labels", 1, 10003, 0),
    "clinc150/data_full.json": ("labels", 1, 15100, 5500),
    "clinc150/domains.json": None,
    "inspect_eval_logs/log_message_deduplication.eval": ("inspect", 1, 12, 1),
    "inspect_eval_logs/log_read_sample.eval": ("inspect", 1, 3, 1),
    "inspect_eval_logs/log_read_sample.json": ("inspect", 1, 3, 1),
    "langsmith_runs/langsmith_py_wrap_openai_.json": ("langsmith", 1, 2, 0),
    "langsmith_runs/langsmith_py_wrap_openai_stream.json": ("langsmith", 1, 2, 0),
    "letta_agent_files/customer_service.af": ("letta", 1, 1, 0),
    "letta_agent_files/loop.af": ("letta", 1, 3, 0),
    "letta_agent_files/memgpt_agent_with_convo.af": ("letta", 1, 1, 0),
    "locomo/locomo5.json": ("locomo", 5, 2760, 999),
    "longmemeval_oracle/longmemeval_oracle_250.json": ("longmemeval", 250, 5476, 250),
    "longmemeval_s_sample/longmemeval_s_sample14.json": ("longmemeval", 14, 6820, 14),
    "memoryagentbench_conflict_resolution/Conflict_Resolution_6k_32k.json": ("memoryagentbench", 4, 5534, 400),
    "sharegpt_sample/dummy_conversation.json": ("sharegpt", 500, 2000, 0),
}


@pytest.mark.parametrize("name", DATA)
def test_inspect_counts_what_the_real_files_hold(shared_data: Path, name: str) -> None:
    expected = DATA[name]
    if expected is None:
        with pytest.raises(SessionFormatError, match=r"none of the known session formats|a CSV table, but not JSON"):
            describe(shared_data / name)
        return
    found = describe(shared_data / name)
    assert (found["format"], found["sessions"], found["turns"], found["probes"]) == expected


def test_the_real_files_are_all_counted(shared_data: Path) -> None:
    files = (p for p in shared_data.rglob("*") if p.is_file() and p.name != "SOURCE.txt")
    assert {p.relative_to(shared_data).as_posix() for p in files} == DATA.keys()


def test_probes_of_every_real_file_can_be_asked_once_each(shared_data: Path) -> None:
    for name, expected in DATA.items():
        for session in formats.read(shared_data / name) if expected else ():
            ids = [p.id for p in session.probes]
            assert len(ids) == len(set(ids))
            assert all(isinstance(p, Probe) and (p.abstain or p.gold) for p in session.probes)
