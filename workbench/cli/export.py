"""``mnemoscope export``: a run in another form."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import console
from workbench.cli.arguments import errata_flags, json_flag, known_errors, new
from workbench.cli.files import sessions_of
from workbench.errors import MnemoscopeError, UsageError
from workbench.files import write_text

if TYPE_CHECKING:
    from workbench.probes.errata import Errata


def add(commands: Any) -> None:
    """The command and its arguments."""
    command = new(commands, "export", act, "a report of a run, or the run in another tool's format")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file; for --atif also a session file")
    kinds = command.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--html", type=Path, metavar="F", help="one self-contained page")
    kinds.add_argument("--csv", type=Path, metavar="DIR", help="a folder of tables: scores, comparisons, probes, costs")
    kinds.add_argument("--figures", type=Path, metavar="DIR", help="a folder of pictures (SVG)")
    kinds.add_argument(
        "--otel", type=Path, metavar="F", help="OpenTelemetry spans: turns, model calls, memory operations"
    )
    kinds.add_argument("--atif", type=Path, metavar="F", help="ATIF trajectories: the sessions")
    kinds.add_argument(
        "--redact", type=Path, metavar="NEW.mnemo", help="the run with every name and text replaced, for a bug report"
    )
    command.add_argument("--key", metavar="TEXT", help="with --redact: files of one key have the same replacements")
    errata_flags(command)
    json_flag(command)


def act(options: argparse.Namespace) -> None:
    """Carry it out."""
    if options.key is not None and not options.redact:
        raise UsageError("--key goes with --redact", "see `mnemoscope export --help`")
    errata = known_errors(options)
    if errata and not (options.html or options.csv or options.figures):
        raise UsageError("--errata goes with --html, --csv or --figures", "see `mnemoscope export --help`")
    writers: dict[str, Callable[[Path, Path], list[str] | None]] = {
        "html": partial(_export_html, errata=errata),
        "csv": partial(_export_csv, errata=errata),
        "figures": partial(_export_figures, errata=errata),
        "otel": _export_otel,
        "atif": _export_atif,
        "redact": partial(_export_redacted, key=options.key),
    }
    kind = next(kind for kind in writers if getattr(options, kind))
    out: Path = getattr(options, kind)
    files = writers[kind](options.file, out) or []
    if options.json:
        data = {kind: str(out)} | ({"files": files} if files else {})
        console.say_json(data | ({"errata": errata.to_json()} if errata else {}))
    else:
        console.say(f"wrote {out}" + (f": {', '.join(files)}" if files else "") + (f"\n{errata}" if errata else ""))


def _export_csv(file: Path, out: Path, errata: Errata | None) -> list[str]:
    from workbench.examine import opened
    from workbench.reports.csv_tables import run_tables

    with opened(file) as reader:
        texts = {f"{table.name}.csv": table.csv() for table in run_tables(reader, errata)}
    return _written(out, texts)


def _export_figures(file: Path, out: Path, errata: Errata | None) -> list[str]:
    from workbench.examine import opened
    from workbench.reports.figures import run_figures

    with opened(file) as reader:
        return _written(out, run_figures(reader, errata=errata))


def _written(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Write files into a folder; their names."""
    if not texts:
        raise MnemoscopeError("nothing to export: no probe of this run has been scored", "export it when it has run")
    for name, text in texts.items():
        write_text(folder / name, text)
    return list(texts)


def _export_redacted(file: Path, out: Path, key: str | None) -> None:
    import secrets

    from workbench.examine import opened
    from workbench.redact import redact

    with opened(file) as reader:
        words = redact(reader, out, secrets.token_hex(16) if key is None else key)
    console.remark(f"{console.count(words, 'word')} replaced; model, lanes and figures are as they were - look it over")


def _export_html(file: Path, out: Path, errata: Errata | None) -> None:
    from workbench.examine import opened
    from workbench.reports.html import report

    with opened(file) as reader:
        write_text(out, report(reader, errata))


def _export_otel(file: Path, out: Path) -> None:
    from workbench.examine import opened
    from workbench.reports import otel

    with opened(file) as reader:
        write_text(out, "".join(f"{line}\n" for line in otel.lines(reader)))
        left = otel.left_out(reader)
    if left:
        console.remark(f"{console.count(left, 'event')} with captured arrays: spans have no room for them; left out")


def _export_atif(file: Path, out: Path) -> None:
    import json

    from workbench.reports.atif import trajectory

    sessions, _ = sessions_of(file)
    found = [trajectory(session) for session in sessions]
    write_text(out, json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False, indent=1) + "\n")
