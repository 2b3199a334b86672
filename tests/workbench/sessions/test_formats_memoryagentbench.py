"""MemoryAgentBench files: facts as turns, the evidence of single-hop questions, the figures that follow."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from workbench.errors import SessionFormatError
from workbench.probes import score_answer
from workbench.sessions import Session, formats
from workbench.sessions.formats.contexts import PIECE
from workbench.sessions.formats.memoryagentbench import HEADING


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> dict[str, Session]:
    folder = shared_data / "memoryagentbench_conflict_resolution"
    return {s.name: s for s in formats.read(folder / "Conflict_Resolution_6k_32k.json")}


def test_every_fact_is_a_turn(sessions: dict[str, Session]) -> None:
    sizes = {name: (len(s.turns), len(s.probes)) for name, s in sessions.items()}
    assert sizes == {
        "factconsolidation_mh_6k": (456, 100),
        "factconsolidation_mh_32k": (2311, 100),
        "factconsolidation_sh_6k": (456, 100),
        "factconsolidation_sh_32k": (2311, 100),
    }
    first = sessions["factconsolidation_sh_6k"].turns
    assert (first[0].text, first[1].text) == (
        "Here is a list of facts:",
        "0. Thomas Kyd was born in the city of London.",
    )


def test_single_hop_questions_know_their_fact_and_its_older_value(sessions: dict[str, Session]) -> None:
    session = sessions["factconsolidation_sh_6k"]
    assert all(len(p.evidence) == 1 for p in session.probes)
    assert sum(p.extra["conflicted"] for p in session.probes) == 74, "reference: 74 of 100 have a conflict"
    for probe in session.probes:
        assert session.turns[probe.evidence[0]].text.lower().rstrip(".").endswith(probe.gold[0].lower().rstrip("."))
        assert all(turn < probe.evidence[0] for turn in probe.extra["stale"])
    assert not any(p.evidence for p in sessions["factconsolidation_mh_6k"].probes)


@pytest.mark.parametrize(("length", "top1"), [("6k", 45), ("32k", 54)])
def test_the_fact_is_among_the_first_but_often_not_the_first(
    sessions: dict[str, Session], length: str, top1: int
) -> None:
    session = sessions[f"factconsolidation_sh_{length}"]
    index = BM25Okapi([re.findall("[a-z0-9]+", t.text.lower()) for t in session.turns[1:]])
    ranks = []
    for probe in session.probes:
        order = np.argsort(-index.get_scores(re.findall("[a-z0-9]+", probe.question.lower())), kind="stable")
        ranks.append(1 + list(order).index(probe.evidence[0] - 1))
    assert sum(r <= 3 for r in ranks) >= 99, "reference: 100"
    assert abs(sum(r == 1 for r in ranks) - top1) <= 2


def read(folder: Path, data: Any) -> list[Session]:
    path = folder / "split.json"
    path.write_text(json.dumps(data))
    return formats.read(path)


def row(**values: Any) -> dict[str, Any]:
    text = " ".join(f"Sentence number {n} is about nothing much." for n in range(200))
    return {"context": text, "questions": ["Which?"], "answers": [["43", "forty-three"]]} | values


def test_running_text_is_cut_at_sentence_ends(tmp_path: Path) -> None:
    (session,) = read(tmp_path, row(metadata={"source": "icl_banking77_5900shot_balance", "qa_pair_ids": ["a"]}))
    assert 1 < len(session.turns) < 10
    assert all(len(t.text) < PIECE and t.text.endswith(".") for t in session.turns)
    assert " ".join(t.text for t in session.turns) == row()["context"]
    (probe,) = session.probes
    assert (probe.id, probe.gold, probe.scorer) == ("a", ("43", "forty-three"), "label")
    assert probe.competency == "test_time_learning"


def test_an_unknown_source_and_a_missing_answer_are_warnings(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row(questions=["A?", "B?", "C?"], answers=["x", []], metadata=None)])
    assert [(p.id, p.gold, p.scorer) for p in session.probes] == [("q1", ("x",), "match")]
    assert session.warnings == (
        "[0].metadata.source: 'split 1' is unknown; counted as accurate retrieval, matched",
        "[0].answers[1]: no answer; the question is left out",
        "[0].answers[2]: no answer; the question is left out",
    )


def facts(*said: str, heading: str = "") -> str:
    return heading + "".join(f"{n}. {fact}\n" for n, fact in enumerate(said))


def test_a_list_of_facts_with_and_without_a_heading(tmp_path: Path) -> None:
    asked = {"questions": ["Who flies Tern One?"], "answers": [[["Bo Marsh", "Marsh"]]]}
    meta = {"metadata": {"source": "factconsolidation_sh_6k"}}
    said = ("The pilot of Tern One is Ada Quill.", "The pilot of Tern One is Bo Marsh.")
    for heading, first in (("", HEADING), ("Here is a list:\n", "Here is a list:")):
        (session,) = read(tmp_path, [{"context": facts(*said, heading=heading)} | asked | meta])
        assert [t.text for t in session.turns] == [first, "0. " + said[0], "1. " + said[1]]
        (probe,) = session.probes
        assert (probe.gold, probe.evidence, probe.extra["stale"]) == (("Bo Marsh", "Marsh"), (2,), [1])


def test_a_fact_of_two_lines_keeps_its_second_line(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row(context=facts("One.", "Two") + "lines.\n" + "2. Three.")])
    assert [t.text for t in session.turns][1:] == ["0. One.", "1. Two lines.", "2. Three."]


@pytest.mark.parametrize("end", ["。", "！", "؟ ", "। ", "? ", ".” "])
def test_sentences_end_in_any_script(tmp_path: Path, end: str) -> None:
    (session,) = read(tmp_path, [row(context="".join(f"第{n}天风很大{end}" for n in range(400)))])
    assert len(session.turns) > 1
    assert all(len(t.text) <= PIECE and t.text.endswith(end.strip()) for t in session.turns)


def test_a_sentence_without_end_is_cut_between_words_or_stays_whole_as_in_the_code(tmp_path: Path) -> None:
    words = "word " * 8000
    (session,) = read(tmp_path, [row(context=words)])
    assert max(len(t.text) for t in session.turns) <= PIECE
    assert " ".join(t.text for t in session.turns) == words.strip()
    (session,) = formats.read(tmp_path / "split.json", chunk="code")
    assert [len(t.text) for t in session.turns] == [len(words.strip())]


def test_pieces_of_the_size_in_the_code(tmp_path: Path) -> None:
    text = "A sentence of no interest.\nlabel: 3\n\n" * 1000
    (paper,) = read(tmp_path, [row(context=text)])
    (code,) = formats.read(tmp_path / "split.json", chunk="code")
    assert (len(paper.turns), len(code.turns)) == (19, 3)
    assert "interest.\nlabel: 3\n\nA" in paper.turns[0].text, "what stands between two sentences stays"


def test_an_option_that_the_reader_does_not_have_is_refused(tmp_path: Path) -> None:
    read(tmp_path, [row()])
    with pytest.raises(SessionFormatError, match=r"no option chunk=x for memoryagentbench - .*=paper\|code"):
        formats.read(tmp_path / "split.json", chunk="x")


def test_the_same_source_and_the_same_id_twice_are_told_apart(tmp_path: Path) -> None:
    two = row(questions=["A?", "B?", "C?"], answers=["x", "y", "z"], metadata={"source": "eventqa_full"})
    two["metadata"]["qa_pair_ids"] = ["f", "f", "f (2)"]
    first, second = read(tmp_path, [two, two])
    assert [s.name for s in (first, second)] == ["eventqa_full", "eventqa_full (2)"]
    assert [p.id for p in first.probes] == ["f", "f (3)", "f (2)"]
    assert "question id 'f' is another question's too; this one is called 'f (3)'" in first.warnings
    path = tmp_path / "converted.json"
    path.write_text(json.dumps([s.to_json() for s in (first, second)]))
    assert formats.read(path) == [first, second]


def test_longmemeval_inside_knows_dates_types_and_evidence(tmp_path: Path) -> None:
    filler = "Nothing happens here at all. " * 200
    marked = {"role": "user", "content": "I live in Oslo now.", "has_answer": True}
    meta = {
        "source": "longmemeval_s*",
        "question_dates": ["2023/05/30 (Tue) 23:40"],
        "question_types": ["knowledge-update"],
        "haystack_sessions": [[[{"role": "user", "content": "Hi", "has_answer": False}, marked]]],
    }
    context = f"{filler}user: I live in Oslo now. {filler}"
    (session,) = read(tmp_path, [row(context=context, answers=["Oslo"], metadata=meta)])
    (probe,) = session.probes
    assert [t.index for t in session.turns if "Oslo" in t.text] == list(probe.evidence)
    assert (probe.asked, probe.extra) == ("2023-05-30T23:40", {"type": "knowledge-update"})


def test_a_bad_question_costs_itself(tmp_path: Path) -> None:
    asked = {"questions": ["A?", 3, "C?", "D?"], "answers": [["a"], ["b"], {"x": 1}, [None, float("nan"), " "]]}
    (session,) = read(tmp_path, [row(metadata={"source": "ruler_qa1_197K", "qa_pair_ids": 3}) | asked])
    assert [(p.id, p.gold) for p in session.probes] == [("3", ("a",)), ("q3", ('{"x": 1}',))]
    assert session.warnings == (
        "[0].questions[1]: must be a string, is a number; left out",
        "[0].answers[3]: no answer; the question is left out",
    )


def test_parquet_is_read_as_json_is(tmp_path: Path) -> None:
    core, io = pytest.importorskip("arro3.core"), pytest.importorskip("arro3.io")
    text = core.DataType.utf8()

    def lists(counts: list[int], values: Any) -> Any:
        return core.list_array(core.Array(np.cumsum([0, *counts]).tolist(), core.DataType.int32()), values)

    ids = lists([1, 1], core.Array(["a", "b"], text))
    fields = [core.Field("source", text), core.Field("qa_pair_ids", ids.type)]
    columns = {
        "context": core.Array([row()["context"], "One. Two."], text),
        "questions": lists([1, 1], core.Array(["Which?", "Who?"], text)),
        "answers": lists([1, 1], lists([2, 1], core.Array(["43", "forty-three", "x"], text))),
        "metadata": core.struct_array([core.Array(["icl_nlu", "eventqa_full"], text), ids], fields=fields),
    }
    io.write_parquet(core.Table.from_pydict(columns), str(tmp_path / "split.parquet"))
    rows = [
        row(metadata={"source": "icl_nlu", "qa_pair_ids": ["a"]}),
        {
            "context": "One. Two.",
            "questions": ["Who?"],
            "answers": [["x"]],
            "metadata": {"source": "eventqa_full", "qa_pair_ids": ["b"]},
        },
    ]
    assert formats.read(tmp_path / "split.parquet") == read(tmp_path, rows)


def test_a_damaged_parquet_file_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("arro3.io")
    path = tmp_path / "split.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 400 + b"PAR1")
    with pytest.raises(SessionFormatError, match="a damaged Parquet file"):
        formats.read(path)


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"context": 3}, r"\[0\]\.context: must be a string, is a number"),
    ({"context": " "}, r"\[0\]: no turns"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"split\.json: {message}"):
        read(tmp_path, row(**values))


def recommending(folder: Path) -> Path:
    rows = [
        {
            "context": "Ida: I liked Rope. Bo: Watch Vertigo then.",
            "questions": ["What should I watch?"],
            "answers": [["1"]],
            "metadata": {"source": "recsys_redial_full"},
        }
    ]
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder / "rows.json"


def test_recommendations_find_their_catalogue_beside_the_file_or_by_name(tmp_path: Path) -> None:
    file, titles = recommending(tmp_path), {"<x/Vertigo_(film)>": 1, "<x/Rope>": 2}
    assert "catalogue" not in formats.read(file)[0].extra
    elsewhere = tmp_path / "other" / "titles.json"
    elsewhere.parent.mkdir()
    elsewhere.write_text(json.dumps(titles))
    (named,) = formats.read(file, catalogue=str(elsewhere))
    assert named.extra["catalogue"] == titles
    (tmp_path / "entity2id.json").write_text(json.dumps({"Rope": 1}))
    (beside,) = formats.read(file)
    assert beside.extra["catalogue"] == {"Rope": 1}
    assert score_answer(named.probes[0], "1. vertgo", named.extra)["scores"] == {"recsys-recall@5": 1.0}
    assert score_answer(beside.probes[0], "1. vertgo", beside.extra)["scores"] == {"recsys-recall@5": 1.0}


@pytest.mark.parametrize("text", ["[]", "{}", '{"Rope": "1"}', '{"Rope": true}', "no JSON"])
def test_what_is_no_catalogue_is_refused_by_name_and_remarked_beside(tmp_path: Path, text: str) -> None:
    file = recommending(tmp_path)
    (tmp_path / "entity2id.json").write_text(text)
    (session,) = formats.read(file)
    assert "catalogue" not in session.extra
    assert any("the catalogue beside it is left out" in w for w in session.warnings)
    with pytest.raises(SessionFormatError, match=r"entity2id\.json"):
        formats.read(file, catalogue=str(tmp_path / "entity2id.json"))
    with pytest.raises(SessionFormatError, match="no such file"):
        formats.read(file, catalogue=str(tmp_path / "missing.json"))
