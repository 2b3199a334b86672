"""The native format: what is read, and what each kind of mistake is called."""

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import SessionFormatError
from workbench.probes import SCORERS
from workbench.sessions import Probe, Session, Turn, formats
from workbench.sessions.formats import native


def write(folder: Path, data: Any, name: str = "some.json") -> Path:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return path


def minimal(**values: Any) -> dict[str, Any]:
    turns = [{"role": "user", "text": "I live in Oslo."}, {"role": "assistant", "text": "Noted."}]
    probe = {"question": "Where do I live?", "gold": "Oslo", "competency": "accurate_retrieval", "evidence": [0]}
    return {"mnemoscope_session": 1, "turns": turns, "probes": [probe]} | values


def test_the_short_form_is_completed(tmp_path: Path) -> None:
    (session,) = formats.read(write(tmp_path, minimal()))
    asked = Probe("p1", 1, "Where do I live?", ("Oslo",), "accurate_retrieval", (0,))
    turns = (Turn(0, "user", "I live in Oslo."), Turn(1, "assistant", "Noted."))
    assert session == Session("some", turns, (asked,))


def test_everything_survives_a_round_trip(tmp_path: Path) -> None:
    turn = Turn(0, "narrator", "Zürich “quoted”\n\t\0 😀", "Ana", "2025-03-01T10:00", 2, "D1:1", {"a": [1, None]})
    probes = (
        Probe("a", -1, "Who?", ("x", "y"), "conflict_resolution", (), "choice", ("x", "z"), False, {"k": 1}),
        Probe("b", 0, "What?", (), "abstention", (0,), "abstain", abstain=True),
    )
    session = Session("s", (turn,), probes, "locomo", ("a remark",), {"seed": 3})
    assert formats.read(write(tmp_path, session.to_json())) == [session]


def test_a_list_and_lines_hold_several(tmp_path: Path) -> None:
    two = [minimal(name="first"), minimal()]
    assert [s.name for s in formats.read(write(tmp_path, two))] == ["first", "some 2"]
    lines = "\n".join(map(json.dumps, two))
    assert [s.name for s in formats.read(write(tmp_path, lines))] == ["first", "some 2"]


def test_oddities_are_warnings_that_do_not_depend_on_where_the_file_lies(tmp_path: Path) -> None:
    data = minimal()
    data["turns"][1]["date"] = "yesterday"
    data["probes"][0] |= {"after": 0, "evidence": [1]}
    (session,) = formats.read(write(tmp_path, data))
    assert session.warnings == (
        "turns[1].date: 'yesterday' is not ISO 8601",
        "probes[0].evidence[0]: turn 1 comes after the question",
    )


def broken(change: str) -> dict[str, Any]:
    data = minimal()
    exec(change, {"d": data, "turn": data["turns"][0], "probe": data["probes"][0]})
    return data


MISTAKES = [
    ("del turn['text']", "turns[0].text: missing"),
    ("turn['text'] = 3", "turns[0].text: must be a string"),
    ("turn['role'] = ''", "turns[0].role: is empty"),
    ("turn['txt'] = 'x'", "turns[0].txt: unknown key (did you mean text?)"),
    ("turn['zzz'] = 'x'", "turns[0].zzz: unknown key (known: role, text, index"),
    ("turn['index'] = 4", "turns[0].index: is 4, but it is turn 0 of the list"),
    ("turn['part'] = -1", "turns[0].part: must be at least 0"),
    ("d['turns'] = {}", "turns: must be an array"),
    ("d['turns'] = ['hello']", "turns[0]: "),
    ("d['turns'] = []", "turns: no turns"),
    ("d['mnemoscope_session'] = 2", "mnemoscope_session: version 2 was written by a newer Mnemoscope"),
    ("del d['mnemoscope_session']", "mnemoscope_session: missing"),
    ("probe['gold'] = []", "probes[0].gold: no accepted answer"),
    ("probe['gold'] = [3]", "probes[0].gold"),
    ("del probe['question']", "probes[0].question: missing"),
    ("probe['after'] = 2", "probes[0].after: is 2, the turns are 0 to 1"),
    ("probe['evidence'] = [7]", "probes[0].evidence[0]: is 7, the turns are 0 to 1"),
    ("probe['scorer'] = 'guess'", "probes[0].scorer: unknown scorer 'guess'"),
    ("probe['abstain'] = 'yes'", "probes[0].abstain: must be true or false"),
    ("del turn['text']; del probe['question']", "turns[0].text: missing (and 1 more)"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_is_one_line_that_names_file_and_place(tmp_path: Path, change: str, message: str) -> None:
    path = write(tmp_path, broken(change))
    with pytest.raises(SessionFormatError) as caught:
        formats.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_one_bad_session_of_several_costs_itself_and_its_place_is_named(tmp_path: Path) -> None:
    several = [minimal(), broken("del turn['text']"), broken("d['mnemoscope_session'] = 2")]
    (session,) = formats.read(write(tmp_path, several))
    assert session.warnings[0].startswith("[1].turns[0].text: missing; left out")
    assert session.warnings[1].startswith("[2].mnemoscope_session: version 2 was written by a newer")
    (session,) = formats.read(write(tmp_path, "\n\n".join(map(json.dumps, several))))
    assert session.warnings[0].startswith("line 3: turns[0].text: missing; left out")


def test_the_same_id_twice_is_made_unique_with_a_remark(tmp_path: Path) -> None:
    (session,) = formats.read(write(tmp_path, broken("probe['id'] = 'a'; d['probes'].append(dict(probe))")))
    assert [p.id for p in session.probes] == ["a", "a (2)"]
    assert session.warnings == ("question id 'a' is another question's too; this one is called 'a (2)'",)


def test_the_scorers_that_may_be_named_are_the_ones_there_are() -> None:
    assert tuple(SCORERS) == native.SCORERS
