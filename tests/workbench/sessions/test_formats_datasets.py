"""The general dataset adapter on a small file of every data set of the reading list: its columns, our own words.

Where a data set is published as a table, the columns are called as there; the pictures of those about videos are out of
reach, so their questions stand over subtitles, captions or logs. Nothing of a data set itself is here.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from workbench import cli
from workbench.errors import SessionFormatError, UsageError
from workbench.probes import score
from workbench.sessions import Session, formats
from workbench.sessions.formats import mapped

Rows = list[dict[str, Any]]


def written(folder: Path, rows: Rows, kind: str) -> Path:
    """The rows as a file of a kind."""
    path = folder / f"table.{kind}"
    if kind == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    elif kind == "json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif kind == "csv":
        with path.open("w", encoding="utf-8", newline="") as out:
            table = csv.DictWriter(out, list(rows[0]))
            table.writeheader()
            for row in rows:
                table.writerow({k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in row.items()})
    else:
        arro3 = pytest.importorskip("arro3.core", reason="the extra parquet is not installed")
        io = pytest.importorskip("arro3.io")
        texts = {k: [json.dumps(r[k]) if isinstance(r[k], list | dict) else str(r[k]) for r in rows] for k in rows[0]}
        io.write_parquet(
            arro3.Table.from_pydict({k: arro3.Array(v, arro3.DataType.string()) for k, v in texts.items()}), path
        )
    return path


def opened(folder: Path, rows: Rows, columns: str, kind: str) -> list[Session]:
    """What ``convert --map`` writes of a table."""
    out = folder / "out.json"
    assert cli.main(["convert", str(written(folder, rows, kind)), "--map", columns, "--out", str(out)]) == 0
    return formats.read(out)


def right(session: Session, n: int = 0, answer: str | None = None) -> bool:
    """Whether an answer (the gold without one) is right."""
    probe = session.probes[n]
    return score(probe.scorer, probe, probe.gold[0] if answer is None else answer).correct


LONGVIDEOBENCH: Rows = [
    {
        "video_id": "v1",
        "id": "v1_0",
        "question": "Which tool does the woman mention after the bell?",
        "question_category": "T2A",
        "candidates": ["a chisel", "a hammer", "a plane"],
        "correct_choice": 1,
        "subtitles": [
            {"start": "00:00:02", "line": "Good morning."},
            {"start": "00:00:09", "line": "Now hand me the hammer."},
        ],
    },
    {
        "video_id": "v1",
        "id": "v1_1",
        "question": "What is said first?",
        "question_category": "TOS",
        "candidates": ["Good morning.", "Goodbye."],
        "correct_choice": 0,
        "subtitles": [
            {"start": "00:00:02", "line": "Good morning."},
            {"start": "00:00:09", "line": "Now hand me the hammer."},
        ],
    },
]


def test_longvideobench(tmp_path: Path) -> None:
    columns = (
        "question=question,options=candidates,answer_index=correct_choice,context=subtitles,session=video_id,id=id"
    )
    (session,) = opened(tmp_path, LONGVIDEOBENCH, columns, "json")
    assert [t.text for t in session.turns] == ["[00:00:02] Good morning.", "[00:00:09] Now hand me the hammer."]
    assert [(p.id, p.gold) for p in session.probes] == [("v1_0", ("a hammer",)), ("v1_1", ("Good morning.",))]
    assert right(session, 0, "B")
    assert not right(session, 0, "A")


def test_ost_bench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "scan_id": "s7",
            "system_prompt": "You walk through a flat.",
            "log": ["I see a door.", "I turn left."],
            "user_message": [
                {"turn_id": 1, "origin_question": "Did I turn left?", "option": ["Yes", "No"], "answer": "Yes"},
                {"turn_id": 2, "origin_question": "How many doors so far?", "option": [], "answer": 1},
            ],
        }
    ]
    columns = "rows=user_message,question=origin_question,options=option,answers=answer,context=log"
    columns += ",session=scan_id,id=turn_id"
    (session,) = opened(tmp_path, rows, columns, "jsonl")
    assert session.name == "s7"
    assert [(p.id, p.gold, p.scorer) for p in session.probes] == [("1", ("Yes",), "choice"), ("2", ("1",), "match")]
    assert right(session, 0, "A")


def test_mvbench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "video": "c.mp4",
            "caption": "A boy puts a cup on a shelf and leaves.",
            "question": "What does the boy do last?",
            "candidates": ["He leaves.", "He drinks.", "He sits."],
            "answer": "He leaves.",
        }
    ]
    (session,) = opened(tmp_path, rows, "question=question,options=candidates,answers=answer,context=caption", "json")
    assert right(session, 0, "A")
    assert not right(session, 0, "He drinks.")


def test_saven_vid(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "video_id": "k",
            "audio_caption": "A siren, then rain.",
            "visual_caption": "A street at night.",
            "question": "What is heard before the rain?",
            "answer": "a siren",
        }
    ]
    (session,) = opened(tmp_path, rows, "question=question,answers=answer,context=audio_caption+visual_caption", "csv")
    assert [t.text for t in session.turns] == ["A siren, then rain.", "A street at night."]
    assert right(session, 0, "It was a siren.")


def test_videogamebench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "game": "maze",
            "steps": [{"time": "0", "description": "A red door."}, {"time": "1", "description": "A key lies left."}],
            "goal": "Which way is the key?",
            "expected": "left",
        }
    ]
    (session,) = opened(tmp_path, rows, "question=goal,answers=expected,context=steps,session=game", "jsonl")
    assert session.turns[1].text == "[1] A key lies left."
    assert right(session)


def test_pokerbench(tmp_path: Path) -> None:
    rows: Rows = [
        {"instruction": "Six players. Your hand is a pair of nines. The button raised to 3 chips.", "output": "call"},
        {"instruction": "Heads up. You hold seven and two. The other player moved all in.", "output": "fold"},
    ]
    first, second = opened(
        tmp_path, rows, "context=instruction,answers=output,question==What is the best decision?", "json"
    )
    assert first.probes[0].question == "What is the best decision?"
    assert right(first, 0, "I call.")
    assert not right(second, 0, "call")


def test_drafterbench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "Id": 3,
            "Tasktype": "add_table",
            "Precise|Vague": "Precise",
            "Instruction": "Add a table of two rows beside wall W4.",
            "Groundtruth": "add_table(rows=2, anchor='W4')",
        }
    ]
    columns = "context=Instruction,question==Which call does the instruction ask for?,answers=Groundtruth"
    columns += ",id=Id,competency=Tasktype"
    (session,) = opened(tmp_path, rows, columns, "jsonl")
    assert (session.probes[0].id, session.probes[0].competency) == ("3", "add_table")
    assert right(session)


def test_mainframebench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "id": 1,
            "question": "Which language do batch jobs of the sample shop use?",
            "A": "COBOL",
            "B": "Prolog",
            "C": "Lua",
            "D": "Elm",
            "answer": "A",
            "note": "The sample shop writes its batch jobs in COBOL.",
        }
    ]
    (session,) = opened(tmp_path, rows, "question=question,options=A+B+C+D,answers=answer,context=note,id=id", "csv")
    assert session.probes[0].options == ("COBOL", "Prolog", "Lua", "Elm")
    assert right(session, 0, "COBOL")
    assert not right(session, 0, "B")


def test_locobench(tmp_path: Path) -> None:
    truth = "The retry loop in queue.py drops the last message, because it counts from one."
    rows: Rows = [
        {
            "id": "py_queue_001",
            "task_category": "bug_investigation",
            "difficulty": "hard",
            "title": "Lost message",
            "context_files": ["# queue.py\nfor n in range(1, len(m)): send(m[n])", "# main.py\nrun()"],
            "task_prompt": "Why is a message lost?",
            "ground_truth": truth,
        }
    ]
    columns = "context=context_files,question=task_prompt,answers=ground_truth,id=id,competency=task_category"
    (session,) = opened(tmp_path, rows, columns, "json")
    assert len(session.turns) == 2
    assert session.probes[0].scorer == "f1", "a long gold is compared by its words"
    assert right(session, 0, "the retry loop in queue.py drops the last message since it counts from one")
    assert not right(session, 0, "I cannot say.")


def test_javabench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "task_id": "PA19/Pipe",
            "skeleton": "class Pipe { boolean open() { // TODO } }",
            "method": "open",
            "question": "Which method of Pipe is still to be written?",
            "answer": "open",
        }
    ]
    (session,) = opened(tmp_path, rows, "question=question,answers=answer,context=skeleton,id=task_id", "jsonl")
    assert session.probes[0].id == "PA19/Pipe"
    assert right(session, 0, "open()")


def test_pybench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "index": "12",
            "user": "Which column has most gaps?",
            "file_paths": "shop.csv",
            "file": "day,sold,price\n1,,3\n2,,4\n3,7,5",
            "keypoints": ["sold"],
        }
    ]
    (session,) = opened(tmp_path, rows, "question=user,answers=keypoints,context=file,id=index", "json")
    assert right(session, 0, "The column sold.")


def test_multikernelbench(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "op": "relu",
            "category": "activation",
            "reference": "def forward(x):\n    return max(x, 0)",
            "question": "Which operator is this?",
        }
    ]
    (session,) = opened(tmp_path, rows, "context=reference,question=question,answers=op,competency=category", "parquet")
    assert (session.probes[0].competency, right(session)) == ("activation", True)


def test_toolllm(tmp_path: Path) -> None:
    talk = [
        {"from": "system", "value": "You can use weather_of."},
        {"from": "user", "value": "Will it rain in Graz?"},
        {"from": "assistant", "value": 'Action: weather_of\nAction Input: {"city": "Graz"}'},
        {"from": "function", "value": '{"rain": true}'},
        {"from": "assistant", "value": "Yes."},
    ]
    rows: Rows = [{"id": "Step 1", "conversations": talk, "question": "Which tool was called?", "answer": "weather_of"}]
    (session,) = opened(tmp_path, rows, "question=question,answers=answer,context=conversations,session=id", "jsonl")
    assert [t.role for t in session.turns] == ["system", "user", "assistant", "tool", "assistant"]
    assert right(session)


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_a_table_is_the_same_in_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    rows: Rows = [
        {"q": "Where?", "a": ["Graz", "in Graz"], "c": ["I moved to Graz.", "It rains."]},
        {"q": "Who?", "a": ["I"], "c": ["I moved to Graz.", "It rains."]},
    ]
    (session,) = opened(tmp_path, rows, "question=q,answers=a,context=c", kind)
    assert [t.text for t in session.turns] == ["I moved to Graz.", "It rains."]
    assert [p.gold for p in session.probes] == [("Graz", "in Graz"), ("I",)]


def test_inspect_takes_the_same_mapping(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, [{"q": "Where?", "a": "Graz", "c": "I moved to Graz."}], "csv")
    assert cli.main(["inspect", str(path), "--map", "question=q,answers=a,context=c", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["format"], found["sessions"], found["turns"], found["probes"]) == ("mapped", 1, 1, 1)


def test_what_cannot_be_mapped_is_said(tmp_path: Path) -> None:
    rows: Rows = [{"q": "Where?", "o": ["Graz"], "n": 4, "c": "I moved to Graz."}]
    path = written(tmp_path, rows, "json")
    (session,) = mapped.read(path, mapped.parse_map("question=q,options=o,answer_index=n,context=c"))
    assert session.probes == ()
    assert "no answer; the question is left out" in " ".join(session.warnings)
    with pytest.raises(SessionFormatError, match="no rows in the column 'turns'"):
        mapped.read(path, mapped.parse_map("question=q,answers=n,context=c,rows=turns"))
    with pytest.raises(SessionFormatError, match=r"no column 'A\+B' for options"):
        mapped.read(path, mapped.parse_map("question=q,answers=n,context=c,options=A+B"))
    with pytest.raises(UsageError, match="no mapping"):
        mapped.parse_map("question==,context=c")
