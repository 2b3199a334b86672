"""``mnemoscope methods`` and ``mnemoscope score --method``: evaluation methods over finished runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench import console
from workbench.commands.score import number
from workbench.errors import UsageError
from workbench.examine import opened
from workbench.probes.errata import Errata
from workbench.projections.methods import METHODS, Found, Run, run_of, shown

ELSEWHERE = (
    ("TICK", "`judge FILE --rubric tick-judge`", "adapted", "TICK, arXiv 2410.03608",
     "A yes-or-no checklist for every answer; the share of yes."),
    ("CLEAR", "`judge FILE --rubric clear-judge`", "adapted", "ExpertLongBench, arXiv 2506.01241",
     "Items taken out of a long answer and of the reference, compared one by one."),
    ("AutoBencher", "`autobench GENERATOR --lane L --lane L`", "adapted", "AutoBencher, arXiv 2407.08351",
     "Search over a generator's settings for probes that are salient, hard and novel for these lanes."),
    ("Vector compression", "`bench vectors`", "adapted",
     "Experimental Analysis of Large-scale Learnable Vector Storage Compression, arXiv 2311.15578",
     "A session's vector index under int8, binary, PCA and product quantization: recall over bytes."),
    ("YourBench", "`probes FILE --make N --model M`", "adapted", "YourBench, arXiv 2504.01833",
     "Questions that a model writes from your own session, kept when the turns they cite support them."),
)  # fmt: skip
"""Methods that are commands of their own: title, call, label, paper, what it does."""


def listed(as_json: bool) -> None:
    """Say every method with how it is called."""
    if as_json:
        keys = ("name", "title", "paper", "label", "differs", "help", "needs")
        own = [{key: getattr(m, key) for key in keys} | {"call": _call(m.name)} for m in METHODS.values()]
        more = [
            {"name": title.lower(), "title": title, "paper": paper, "label": label, "help": what, "call": call}
            for title, call, label, paper, what in ELSEWHERE
        ]
        console.say_json(own + more)
        return
    rows = [[m.title, _call(m.name), m.label, m.paper, m.help] for m in METHODS.values()]
    rows += [[title, call, label, paper, what] for title, call, label, paper, what in ELSEWHERE]
    console.say(console.table(["method", "call", "label", "paper", "what"], rows))


def _call(name: str) -> str:
    return f"`score FILE --method {name}`"


def score(
    paths: Sequence[Path], names: Sequence[str], session: str | None, as_json: bool, errata: Errata | None = None
) -> None:
    """Say what methods find in run files. Raises ``UsageError`` for one that does not exist."""
    for name in names:
        if name not in METHODS:
            raise UsageError(f"no method {name!r}", f"one of: {', '.join(METHODS)}")
    runs = [_run(path, session, errata) for path in paths]
    found = {name: METHODS[name].measure(runs) for name in dict.fromkeys(names)}
    if as_json:
        data: dict[str, Any] = {"methods": {name: one.to_json() for name, one in found.items()}}
        console.say_json(data | ({"errata": errata.to_json()} if errata else {}))
        return
    if errata:
        console.say(f"{errata}\n")
    for name, one in found.items():
        method = METHODS[name]
        console.say(f"{method.title} ({method.paper}; {method.label})\n{_text(one, method.needs)}\n")


def _run(path: Path, session: str | None, errata: Errata | None) -> Run:
    with opened(path) as reader:
        return run_of(reader, path.stem, number(reader.session_names(), session, path), errata)


def _text(found: Found, needs: str) -> str:
    if not found.rows:
        return "\n".join(found.notes) or f"nothing to measure: it needs {needs}"
    heads = list(dict.fromkeys(key for row in found.rows for key in row))
    rows = [[shown(row.get(head)) for head in heads] for row in found.rows]
    return "\n".join([console.table(heads, rows, right=heads[1:]), *found.notes])
