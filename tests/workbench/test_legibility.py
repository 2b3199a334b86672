"""Whether a tokenizer can read a text: measured on its pieces, for any script."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.backends import ScriptedBackend
from tests.support.runs import config
from workbench import paths
from workbench.commands import score
from workbench.engine import run as engine
from workbench.legibility import UNREADABLE, unread
from workbench.llm.model import Model
from workbench.projections.calls import calls
from workbench.projections.unread import unread as remarked
from workbench.trace.reader import TraceReader

TEXTS = {
    "Chinese": "李明昨天去了北京的医院看望他的母亲，她下个月要搬到上海和女儿一起住。我们讨论了很多旅行和工作。",
    "Russian": "Маша вчера переехала в Омск и устроилась работать в библиотеку, а её сестра продала старое пианино.",
    "Hebrew": "מאיה עברה אתמול לחיפה עם אחותה והן מחפשות דירה קרובה לים כי הכלב שלהן אוהב לשחות.",
    "Hindi": "माया कल दिल्ली चली गई और वहाँ एक पुस्तकालय में काम करती है, उसकी बहन ने पुराना पियानो बेच दिया।",
    "Korean": "마야는 어제 부산으로 이사해서 도서관에서 일하고 있고 그녀의 여동생은 오래된 피아노를 팔았다.",
}
READ = {
    "English": "Caroline went to the support group yesterday and told Melanie about the charity race in May.",
    "German": "Caroline wohnt seit gestern in Hamburg und arbeitet dort als Lehrerin an einer kleinen Schule.",
}


@pytest.mark.parametrize("name", [*TEXTS, *READ])
def test_minilm_reads_latin_script_alone(name: str, shared_models: Path) -> None:
    model = Model(shared_models / "all-MiniLM-L6-v2.Q8_0.gguf", embedding=True, vocabulary_only=True)
    share = unread((TEXTS | READ)[name], model.pieces)
    assert share is not None and (share >= UNREADABLE) == (name in TEXTS), share


@pytest.mark.parametrize("name", TEXTS)
def test_the_bundled_model_reads_none_of_them(name: str) -> None:
    model = Model(paths.resources() / "models" / "mnemoscope-demo.gguf", vocabulary_only=True)
    assert unread(TEXTS[name], model.pieces) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("sample", ["mixed-long.json", "repair-cafe.json"])
def test_the_samples_can_be_read(sample: str, root: Path, shared_models: Path) -> None:
    turns = json.loads((root / "sample_sessions" / sample).read_text("utf-8"))["turns"]
    text = "\n".join(turn["text"] for turn in turns)
    demo = paths.resources() / "models" / "mnemoscope-demo.gguf"
    for path, embedding in ((shared_models / "all-MiniLM-L6-v2.Q8_0.gguf", True), (demo, False)):
        model = Model(path, embedding=embedding, vocabulary_only=True)
        share = unread(text, model.pieces)
        assert share is not None and share < UNREADABLE / 2


def test_what_counts_as_read() -> None:
    """Syllables and words do; letters, bytes and unknown words do not; one ideograph or one-letter word does."""
    word = "слово" * 2

    def share(text: str, *pieces: bytes) -> float | None:
        return unread(f"{text} " * 50, lambda word: pieces)

    assert share(word, *(word[n : n + 2].encode() for n in range(0, 10, 2))) == 0
    assert share(word, *(c.encode() for c in word)) == 1
    assert share(word, *(bytes([b]) for b in word.encode())) == 1
    assert share(word) == 1, "unknown"
    assert share("я", "я".encode()) == 0 and share("住", "住".encode()) == 0
    assert share("北京", "北".encode(), *(bytes([b]) for b in "京".encode())) == 0.5
    assert unread("short", lambda word: []) is None and unread("12 34 " * 99, lambda word: []) is None


def test_a_lane_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what it uses: a lane without vectors says nothing of the embedder; going on does not repeat it."""
    backend = ScriptedBackend(foreign={"model": 0.1, "embedder": 0.93})
    monkeypatch.setattr(engine, "_open", lambda config: backend)
    path = engine.run(config(tmp_path, "full", "dense", "a-mem"))
    with TraceReader(path) as reader:
        found = remarked(reader)
        assert [(u.lane, u.who, u.share) for u in found] == [("dense", "embedder", 0.93), ("a-mem", "embedder", 0.93)]
        (line,) = [x for turn in range(12) for x in calls(reader, 1, 2, turn).remarks if "cannot read" in x.text]
        assert line.bad and "93% of its letters" in line.text
    score.run([path], False, None)
    assert "dense, a-mem: " in (told := capsys.readouterr().out) and "the embedder cannot read this session" in told
    score.run([path], True, None)
    lanes = {lane["lane"]: lane["unread"] for lane in json.loads(capsys.readouterr().out)["lanes"]}
    assert lanes["full"] == [] and lanes["dense"][0]["who"] == "embedder"


def test_the_answering_model_counts_too_and_a_resumed_run_says_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = ScriptedBackend(foreign={"model": 0.6})
    monkeypatch.setattr(engine, "_open", lambda config: backend)
    wanted = config(tmp_path, "full")
    engine.run(wanted)
    with TraceReader(engine.run(wanted)) as reader:
        assert [(u.lane, u.who) for u in remarked(reader)] == [("full", "model")]
    rule = replace(config(tmp_path, "full", out=tmp_path / "rule.mnemo"), reader="newest")
    with TraceReader(engine.run(rule)) as reader:
        assert remarked(reader) == ()
