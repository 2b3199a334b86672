"""Benchmarks of long contexts and agents' memory, and tables of any kind: SCBench, LongBench, LongMemEval-V2, --map."""

from pathlib import Path
from typing import Any

import pytest

from tests.workbench.sessions.written import read, spoken
from workbench import cli
from workbench.errors import SessionFormatError, UsageError
from workbench.probes import score_answer
from workbench.sessions import formats
from workbench.sessions.formats import mapped

CONTEXT = "Ida keeps a kiosk. " * 400


def test_scbench_by_the_file_s_name_and_per_question(tmp_path: Path) -> None:
    turns = [
        {"input": "Key a?", "answer": "1"},
        {"input": "Key b?", "answer": ["2", "two"]},
        {"input": "c?", "answer": None},
    ]
    (session,) = read(tmp_path, {"id": 0, "context": CONTEXT, "multi_turns": turns}, name="scbench_kv")
    assert (session.format, session.extra["dataset"]) == ("scbench", "scbench_kv")
    assert len(session.turns) > 2
    assert [(p.question, p.gold, p.scorer, p.scores, p.max_tokens) for p in session.probes] == [
        ("Key a?", ("1",), "substring", ("scbench",), 150),
        ("Key b?", ("2", "two"), "substring", ("scbench",), 150),
    ]
    assert {p.after for p in session.probes} == {len(session.turns) - 1}
    assert "multi_turns[2].answer: no answer; the question is left out" in session.warnings
    mixed = [{"input": "Key?", "answer": "1", "task": "scbench_passkey"}]
    (session,) = read(tmp_path, {"context": CONTEXT, "multi_turns": mixed}, name="scbench_summary_with_needles")
    assert session.probes[0].extra["dataset"] == "scbench_passkey"


def test_functions_that_scbench_asks_for_are_known_with_all_others_of_their_repository(tmp_path: Path) -> None:
    code = {n: f"def {n}(a, b):\n    return a + b * {len(n)}" for n in ("first", "second")}
    asked = [{"input": f"Which {n}?", "answer": text, "name": n} for n, text in code.items()]
    rows = [
        {"context": CONTEXT, "repo": "a/b", "lang": "python", "multi_turns": asked[:1]},
        {"context": CONTEXT, "repo": "a/b", "lang": "python", "multi_turns": asked[1:]},
        {"context": CONTEXT, "repo": "c/d", "lang": "go", "multi_turns": [asked[0] | {"task": "scbench_kv"}]},
    ]
    first, second, third = read(tmp_path, rows, name="scbench_repoqa")
    names = [{"name": n, "code": text} for n, text in code.items()]
    assert first.extra["needles"] == second.extra["needles"] == names
    assert first.probes[0].extra == {"dataset": "scbench_repoqa", "lang": "python", "func_name": "first"}
    assert third.probes[0].extra == {"dataset": "scbench_kv"}
    said = {n: score_answer(first.probes[0], text, first.extra)["scores"] for n, text in code.items()}
    assert said == {"first": {"scbench": 1.0}, "second": {"scbench": 0.0}}


def longbench(dataset: str, **more: Any) -> dict[str, Any]:
    return {
        "input": "Who?",
        "context": CONTEXT,
        "answers": ["Ida"],
        "dataset": dataset,
        "all_classes": None,
        "_id": dataset,
    } | more


def test_longbench_of_both_versions(tmp_path: Path) -> None:
    two = {
        "_id": "v2",
        "question": "Where?",
        "choice_A": "a",
        "choice_B": "b",
        "choice_C": "c",
        "choice_D": "d",
        "answer": "C",
        "context": CONTEXT,
        "difficulty": "hard",
    }
    qa, classes, short, second = read(
        tmp_path,
        longbench("hotpotqa_e"),
        longbench("trec", all_classes=["city", "Ida"]),
        longbench("gov_report", input=""),
        two,
    )
    assert (qa.format, qa.name, qa.probes[0].scores) == ("longbench", "hotpotqa_e", ("longbench-f1",))
    assert qa.probes[0].extra["dataset"] == "hotpotqa"
    assert (classes.probes[0].options, classes.probes[0].competency) == (("city", "Ida"), "test_time_learning")
    assert short.probes[0].question == "What does it say, in short?"
    assert (second.probes[0].gold, second.probes[0].scorer, second.extra["difficulty"]) == (("c",), "choice", "hard")


def state(n: int) -> dict[str, Any]:
    return {
        "url": f"http://shop/{n}",
        "action": f"click({n})",
        "thought": "hm",
        "accessibility_tree": f"page {n}",
        "screenshot": "1.png",
    }


def test_longmemeval_v2_trajectories_and_questions(tmp_path: Path) -> None:
    one = {
        "id": "t1",
        "domain": "web",
        "goal": "Buy seeds",
        "start_url": "http://shop",
        "outcome": "success",
        "states": [state(0), state(1)],
    }
    (session,) = read(tmp_path, one)
    assert (session.format, session.name) == ("longmemeval_v2", "t1")
    assert spoken(session) == [
        ("user", "Buy seeds"),
        ("tool", "http://shop/0\npage 0\n[image: 1.png]"),
        ("assistant", "click(0)"),
        ("tool", "http://shop/1\npage 1\n[image: 1.png]"),
        ("assistant", "click(1)"),
        ("tool", "success"),
    ]
    asked = {
        "id": "q1",
        "domain": "web",
        "question": "Which button?",
        "answer": "Buy",
        "question_type": "dynamic-state",
    }
    (session,) = read(tmp_path, asked | {"trajectories": [one, one | {"id": "t2"}]})
    assert ([t.part for t in session.turns], session.probes[0].competency) == ([0] * 6 + [1] * 6, "conflict_resolution")
    assert session.probes[0].after == 11
    with pytest.raises(SessionFormatError, match="without its trajectories"):
        read(tmp_path, asked)


def table(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_table_of_questions_becomes_sessions(tmp_path: Path) -> None:
    rows = table(
        tmp_path,
        "t.csv",
        'q,a,c,proof\n"Where, now?",Pier 9,"I moved, to Pier 9.",Pier 9\n'
        'Who?,"[""Ida"", ""I""]","I moved, to Pier 9.",\nWhy?,,x,\n',
    )
    columns = mapped.parse_map("question=q,answers=a,context=c,evidence=proof")
    first, second = mapped.read(rows, columns)
    assert [t.text for t in first.turns] == ["I moved, to Pier 9."]
    assert [(p.question, p.gold, p.evidence) for p in first.probes] == [
        ("Where, now?", ("Pier 9",), (0,)),
        ("Who?", ("Ida", "I"), ()),
    ]
    assert second.probes == ()
    assert "row 3: no answer; the question is left out" in second.warnings


def test_columns_inside_objects_sessions_and_lists_of_turns(tmp_path: Path) -> None:
    lines = '{"x": {"q": "Who?"}, "a": ["Ida"], "c": ["Hi", "I am Ida"], "s": "one", "e": [1]}\n'
    path = table(tmp_path, "t.jsonl", lines + '{"x": {"q": "What?"}, "a": 7, "c": ["Hi"], "s": "one", "e": null}\n')
    (session,) = mapped.read(path, mapped.parse_map("question=x.q,answers=a,context=c,session=s,evidence=e"))
    assert (session.name, [t.text for t in session.turns]) == ("one", ["Hi", "I am Ida"])
    assert [(p.gold, p.evidence) for p in session.probes] == [(("Ida",), (1,)), (("7",), ())]
    chats = '{"q": "Who?", "a": "Ida", "c": [{"role": "user", "content": "I am Ida"}]}'
    (session,) = mapped.read(table(tmp_path, "c.json", chats), mapped.parse_map("question=q,answers=a,context=c"))
    assert spoken(session) == [("user", "I am Ida")]


def test_a_mapping_that_cannot_be_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a question and a context"):
        mapped.parse_map("question=q")
    with pytest.raises(UsageError, match="write FIELD=COLUMN"):
        mapped.parse_map("query=q")
    with pytest.raises(SessionFormatError, match=r"t\.json: no column 'x' for answers.*the first row has: q, c"):
        mapped.read(table(tmp_path, "t.json", '[{"q": 1, "c": 2}]'), {"question": "q", "answers": "x", "context": "c"})


def test_convert_with_a_mapping_writes_what_inspect_reads(tmp_path: Path) -> None:
    path = table(tmp_path, "t.csv", "q,a,c\nWho?,Ida,I am Ida.\n")
    out = tmp_path / "s.json"
    assert cli.main(["convert", str(path), "--map", "question=q,answers=a,context=c", "--out", str(out)]) == 0
    (session,) = formats.read(out)
    assert (session.turns[0].text, session.probes[0].gold) == ("I am Ida.", ("Ida",))


def test_labelled_utterances(tmp_path: Path) -> None:
    splits = {"train": [["Hi", "greet"], ["Bye", "part"], ["x"]], "oos_train": [["?", "oos"]], "val": [["Ho", "greet"]],
              "test": [["Hello", "greet"]]}  # fmt: skip
    (session,) = read(tmp_path, splits)
    assert (session.format, session.extra) == ("labels", {"labels": 3})
    assert [t.text for t in session.turns] == ["Hi\nlabel: greet", "Bye\nlabel: part", "?\nlabel: oos"]
    (probe,) = session.probes
    assert (probe.question, probe.gold, probe.scorer, probe.after) == ("Hello", ("greet",), "label", 2)
    assert session.warnings == (
        "the splits val are neither told nor asked; left out",
        "train[2]: no text and label; left out",
    )
    path = table(tmp_path, "t.csv", 'text,category\n"Hi, you",greet\n,part\n')
    (session,) = formats.read(path)
    assert [t.text for t in session.turns] == ["Hi, you\nlabel: greet"]
    assert session.warnings == ("row 2: no text and label; left out",)
