"""Probes that a model writes: what it is shown, what of its answer is kept, what is said of the rest."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.backends import ScriptedBackend
from workbench import cli
from workbench.engine import probing
from workbench.engine.control import Control
from workbench.errors import ModelError
from workbench.llm.base import CompletionRequest, CompletionResult
from workbench.sessions import Probe, Session, Turn, formats
from workbench.sessions.formats import sidecar

TOWNS = ("Oslo", "Lima", "Bonn", "Graz", "Turin", "Malmö", "Porto", "Ghent")


def session(count: int = 8) -> Session:
    said = [f"Person{n} has lived in {TOWNS[n % 8]} for {n + 2} years." for n in range(count)]
    turns = [Turn(0, "system", "Be brief."), *(Turn(n + 1, "user", text) for n, text in enumerate(said))]
    return Session("s", tuple(turns))


@dataclass
class Writer(ScriptedBackend):
    """Answers the n-th request with the n-th answer, then with the last one again."""

    answers: Sequence[str] = ()
    asked: list[CompletionRequest] = field(default_factory=list)
    stop: str = "end"

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        self.asked.append(request)
        text = self.answers[min(len(self.asked), len(self.answers)) - 1]
        return CompletionResult(text, (), 0, self.stop)  # type: ignore[arg-type]


def written(*rows: tuple[str, str, list[str]]) -> str:
    return json.dumps({"questions": [{"question": q, "answer": a, "quotes": quotes} for q, a, quotes in rows]})


def asks(n: int) -> tuple[str, str, list[str]]:
    return (f"Where has Person{n} lived?", TOWNS[n % 8], [f"Person{n} has lived in {TOWNS[n % 8]}"])


def test_what_the_turns_support_is_kept_with_its_evidence() -> None:
    wrong = ("Where is Person3?", "Rome", ["Person3 has lived in Graz"])
    made = probing.make(session(), Writer(answers=[written(asks(2), wrong, asks(2), asks(5))]), 3)
    assert [(p.question, p.gold, p.evidence, p.after) for p in made.probes] == [
        ("Where has Person2 lived?", ("Bonn",), (3,), 8),
        ("Where has Person5 lived?", ("Malmö",), (6,), 8),
    ]
    assert made.dropped == {"the cited turns do not say the answer": 1, "asks what another question asks": 1}
    assert made.probes[0].extra == {
        "written": "scripted",
        "quoted": 100.0,
        "said": 100.0,
        "quotes": ["Person2 has lived in Bonn"],
    }


def test_what_is_already_asked_is_not_asked_again() -> None:
    own = Probe("q", 8, "Where has Person2 lived?", ("Bonn",), "c")
    made = probing.make(replace(session(), probes=(own,)), Writer(answers=[written(asks(2))]), 1)
    assert (made.probes, made.dropped) == ([], {"asks what another question asks": 1})


def test_questions_are_spread_over_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WINDOW", 200)
    writer = Writer(answers=[written()])
    steps: list[tuple[int, int]] = []
    made = probing.make(session(200), writer, 4, lambda done, all_: steps.append((done, all_)))
    assert (made.calls, steps) == (4, [(1, 4), (2, 4), (3, 4), (4, 4)])
    shown = [request.messages[1].text for request in writer.asked]
    firsts = [int(text.split("Person")[1].split()[0]) for text in shown]
    assert firsts == sorted(firsts) and firsts[0] == 0 and firsts[-1] > 100
    assert not any("Be brief." in text for text in shown)
    most = [r.schema["properties"]["questions"]["maxItems"] for r in writer.asked if r.schema]
    assert most == [1, 2, 2, 4], "what one portion did not give the others may"


def test_a_short_session_is_cut_finer_for_many_questions() -> None:
    writer = Writer(answers=[written()])
    probing.make(session(60), writer, 20)
    assert len(writer.asked) >= 4


@pytest.mark.parametrize(
    ("answer", "stop", "kept", "dropped"),
    [
        (written(asks(1), asks(2))[:-40], "limit", 1, "cites nothing"),
        ("I would rather not.", "end", 0, "the model's answer is no list of questions"),
        ('{"questions": [3, {"question": 4, "answer": [], "quotes": 5}]}', "end", 0, "cites nothing"),
        ("[1]", "end", 0, "the model's answer is no list of questions"),
    ],
)
def test_an_odd_answer_costs_itself(answer: str, stop: str, kept: int, dropped: str) -> None:
    made = probing.make(session(), Writer(answers=[answer], stop=stop), 2)
    assert len(made.probes) == kept
    assert dropped in made.dropped
    assert made.cut == (stop == "limit")


def test_the_bundled_model_and_a_tiny_context_are_refused() -> None:
    demo = Writer(answers=["{}"], info=replace(ScriptedBackend().info, demo=True))
    with pytest.raises(ModelError, match="the bundled model cannot write probes"):
        probing.make(session(), demo, 1)
    with pytest.raises(ModelError, match="context is too small"):
        probing.make(session(), Writer(answers=["{}"], limit=probing.ANSWER_TOKENS + 20), 1)


# the command line ----------------------------------------------------------------------------------------------------


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: Any) -> tuple[int, str, str]:
        code = cli.main([str(a) for a in arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return run


def log(folder: Path) -> Path:
    path = folder / "log.json"
    messages = [{"role": t.role, "content": t.text} for t in session().turns]
    path.write_text(json.dumps({"messages": messages}))
    return path


def test_by_hand_from_the_command_line(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    path = log(tmp_path)
    code, out, err = call(
        "probes", path, "--add", "Where is Person1?", "--gold", "Lima", "--evidence", "2", "--after", 4
    )
    assert (code, out.split()[0]) == (0, "own-1") and "log.json.probes.json" in err
    (probe,) = formats.read(path)[0].probes
    assert (probe.question, probe.gold, probe.evidence, probe.after) == ("Where is Person1?", ("Lima",), (2,), 4)
    code, out, _ = call("probes", path, "--json")
    assert json.loads(out)["probes"][0]["written"] == "by hand"
    assert "log: 1 probe, 1 beside the file" in call("probes", path)[1]
    assert call("probes", path, "--remove", "own-1")[:2] == (0, "removed own-1\n")
    assert call("probes", path, "--remove", "own-1")[0] == 2
    assert "Where is" not in sidecar.beside(path).read_text()


USAGE = [
    (("--add", "Who?"), "a probe needs a question and an answer - --add QUESTION"),
    (("--add", " ", "--gold", "x"), "a probe needs a question and an answer - --add QUESTION"),
    (("--add", "Who?", "--gold", "x", "--after", "9"), "there is no turn 9: the turns are 0 to 8"),
    (("--add", "Who?", "--gold", "x", "--evidence", "9"), "there is no turn 9: the turns are 0 to 8"),
    (("--add", "Who?", "--gold", "x", "--evidence=-1"), "there is no turn -1: the turns are 0 to 8"),
    (("--add", "Who?", "--gold", "x", "--evidence", "two"), "--evidence 'two' is no list of turns"),
    (("--make", "0"), "--make needs a number from 1 on"),
    (("--session", "other"), "no session 'other' - it has: log"),
]


@pytest.mark.parametrize(("arguments", "message"), USAGE)
def test_wrong_usage(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = call("probes", log(tmp_path), *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_of_several_sessions_one_must_be_named(tmp_path: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    path = tmp_path / "two.jsonl"
    path.write_text("\n".join(json.dumps({"messages": [{"role": "user", "content": c}]}) for c in "ab"))
    code, _, err = call("probes", path, "--add", "Who?", "--gold", "x")
    assert code == 2 and "has 2 sessions - name one with --session NAME" in err
    assert call("probes", path, "--add", "Who?", "--gold", "x", "--session", "two 2")[0] == 0
    assert [len(s.probes) for s in formats.read(path)] == [0, 1]


def test_by_a_model_from_the_command_line(
    tmp_path: Path, call: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = ("Where is Person3?", "Rome", ["Person3 has lived in Graz"])
    writer = Writer(answers=[written(asks(2), bad)])
    monkeypatch.setattr("workbench.llm.open.open_backend", lambda options: writer)
    code, out, err = call("probes", log(tmp_path), "--make", 2, "--model", "some.gguf")
    assert (code, out.split("  ")) == (0, ["own-1", "Where has Person2 lived?", "Bonn\n"])
    assert "dropped 1: the cited turns do not say the answer" in err
    assert writer.closed


def test_cancelled_what_was_written_so_far_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WINDOW", 200)
    control = Control()

    class Stopped(Writer):
        async def complete(self, request: CompletionRequest) -> CompletionResult:
            if self.asked:
                control.cancel()
                await asyncio.sleep(60)
            return await super().complete(request)

    writer = Stopped(answers=[written(asks(2))])
    made = probing.make(session(200), writer, 4, control=control)
    assert [p.question for p in made.probes] == ["Where has Person2 lived?"] and len(writer.asked) == 1


def test_when_there_are_enough_the_rest_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WINDOW", 200)
    steps: list[tuple[int, int]] = []
    writer = Writer(answers=[written(asks(2), asks(3), asks(5))])
    made = probing.make(session(200), writer, 2, lambda done, all_: steps.append((done, all_)))
    assert [p.question for p in made.probes] == ["Where has Person2 lived?", "Where has Person3 lived?"]
    assert (made.calls, steps) == (1, [(1, 2), (2, 2)])


def test_a_turn_that_is_too_long_alone_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "WINDOW", 120)
    said = ("word " * 300, "Person2 has lived in Bonn for 4 years.", "word " * 300)
    writer = Writer(answers=[written(asks(2))])
    made = probing.make(Session("s", tuple(Turn(n, "user", t) for n, t in enumerate(said))), writer, 1)
    assert [p.evidence for p in made.probes] == [(1,)]
    assert "word word" not in writer.asked[0].messages[-1].text


def test_a_cancel_that_nobody_asked_for_is_passed_on() -> None:
    class Gone(Writer):
        async def complete(self, request: CompletionRequest) -> CompletionResult:
            raise asyncio.CancelledError

    for control in (None, Control()):
        with pytest.raises(asyncio.CancelledError):
            probing.make(session(), Gone(), 1, control=control)
