"""The command line, design section 10: the engine in-process.

Results go to standard output, progress and remarks to standard error. Exit codes: 0, 2 for wrong usage, 1 for
everything else with one line that says what is wrong and what to do. What is heavy is imported by the command that
needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from workbench import __version__, console
from workbench.errors import Cancelled, MnemoscopeError, UsageError
from workbench.files import write_text
from workbench.reading import READERS, REQUESTS
from workbench.sessions.model import COMPETENCIES

if TYPE_CHECKING:
    from workbench.engine.protocol import Progress, Report
    from workbench.probes.errata import Errata
    from workbench.sessions.model import Session

_LONGEST = 1000  # characters of a line that says what is wrong
SQLITE_MAGIC = b"SQLite format 3\0"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}", f"see `{self.prog} --help`")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code."""
    _open_streams()
    try:
        options = parser().parse_args(arguments)
        code = int(options.command(options) or 0)
        sys.stdout.flush()
        return code
    except UsageError as error:
        return _fail(str(error), 2)
    except (MnemoscopeError, Cancelled) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted")
    except BrokenPipeError:
        _let_go()  # whoever read the output has gone (`| head`)
        return 1
    except OSError as error:
        return _cannot(error)
    except MemoryError:
        return _fail("there is not enough memory for this - use a smaller file, or a smaller --context")
    except Exception as error:
        if os.environ.get("MNEMOSCOPE_DEBUG"):
            raise
        remedy = "a defect of this program; MNEMOSCOPE_DEBUG=1 shows where"
        return _fail(f"{type(error).__name__}: {error} - {remedy}")


def _open_streams() -> None:
    """A stream that is closed becomes one that leads nowhere: a run file must not get its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a character must not end the program


def _let_go() -> None:
    """Python must not stumble over a broken output again while it shuts down."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a stream of a test's, or none, has no number
            stream.flush()
            continue
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


def _cannot(error: OSError) -> int:
    if error.filename is not None:
        return _fail(f"{error.filename}: {error.strerror} - check the path and its permissions")
    code = _fail(f"the output cannot be written ({error.strerror or error}) - send it elsewhere")
    _let_go()
    return code


def _fail(message: str, code: int = 1) -> int:
    line = " ".join(message.split())
    line = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    console.remark(line if line.startswith("mnemoscope") else f"mnemoscope: {line}")
    return code


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; ``options.command`` is the function to call."""
    top = _Parser(prog="mnemoscope", description="See what an agent remembers, and why it forgot.")
    top.add_argument("--version", action="version", version=f"mnemoscope {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for add in (
        _add_run,
        _add_record,
        _add_score,
        _add_grade,
        _add_judge,
        _add_rerun,
        _add_inspect,
        _add_convert,
        _add_synth,
        _add_probes,
        _add_lanes,
        _add_prompts,
        _add_export,
        _add_bench,
    ):
        add(commands)
    _add_repair(commands)
    _add_models(commands)
    _add_explain(commands)
    _add_knockout(commands)
    _add_surprise(commands)
    _add_branch(commands)
    _add_methods(commands)
    _add_sweep(commands)
    _add_autobench(commands)
    _add_selftest(commands)
    return top


def _command(commands: Any, name: str, function: Any, summary: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    made.set_defaults(command=function)
    return made


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def _models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        default="demo",
        metavar="demo|NAME|PATH|URL",
        help="the bundled model, an installed one, a GGUF, or a server: http://HOST:PORT/v1#MODEL",
    )
    command.add_argument(
        "--embedder",
        default="minilm",
        metavar="minilm|hash|PATH|URL",
        help="sentence embeddings, lexical hashing, a server",
    )


# run -----------------------------------------------------------------------------------------------------------------


def _add_run(commands: Any) -> None:
    command = _command(commands, "run", _run, "replay sessions through lanes; an interrupted run goes on")
    command.add_argument("session", nargs="+", type=Path, metavar="SESSION", help="a session file, any known format")
    command.add_argument("--session", action="append", dest="only", metavar="NAME", help="only this one of the file's")
    command.add_argument(
        "--lane",
        action="append",
        required=True,
        metavar="SPEC",
        help="memory[:key=value,…][+cache[:key=value,…]], for example bm25:k=5; repeat it for several lanes",
    )
    _models(command)
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument(
        "--capture",
        choices=("answers", "full", "off"),
        default="answers",
        help="attention of answers: a summary of each (the default), the arrays as well, or none",
    )
    command.add_argument(
        "--reader",
        choices=READERS,
        default="model",
        help="who answers: the model, the newest same-slot hit, or the label of the nearest example",
    )
    command.add_argument(
        "--controls", action="store_true", help="also the lanes no-memory, oracle (the evidence alone) and full"
    )
    command.add_argument("--exact", action="store_true", help="one sequence at a time: bit-identical from run to run")
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: the first session's name, here")
    command.add_argument("--context", type=int, metavar="N", help="tokens per sequence")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    command.add_argument(
        "--prompts",
        default="",
        metavar="plain|full|DIR",
        help="the bundled model's one-liners, the methods' own prompts, or yours; default: what fits the model",
    )
    command.add_argument("--temperature", type=float, default=0.0, metavar="T", help="of memory operations; 0: greedy")
    _reading(command)
    command.add_argument(
        "--requests",
        choices=REQUESTS,
        default="separate",
        help="how questions about one context are asked, as in SCBench: each by itself; each of a cache compressed "
        "before any; or in one conversation, compressed once, in which the right answers stay, or the model's own",
    )
    command.add_argument(
        "--thinking", type=int, default=0, metavar="N", help="tokens to think aloud before an answer; 0: none"
    )
    command.add_argument(
        "--chroma",
        default="",
        metavar="http://HOST:PORT",
        help="a Chroma server for vector indexes; default: in memory",
    )
    _json(command)


def _run(options: argparse.Namespace) -> None:
    from workbench.engine.config import RunConfig
    from workbench.engine.control import Control
    from workbench.engine.run import run
    from workbench.lanes import with_controls

    config = RunConfig(
        sessions=tuple(options.session),
        lanes=with_controls(options.lane) if options.controls else tuple(options.lane),
        only=tuple(options.only or ()),
        model=options.model,
        embedder=options.embedder,
        seed=options.seed,
        capture=options.capture,
        reader=options.reader,
        exact=options.exact,
        out=options.out,
        context=options.context,
        threads=options.threads,
        prompts=options.prompts,
        temperature=options.temperature,
        thinking=options.thinking,
        requests=options.requests,
        read=tuple(_read_options("run", options).items()),
        chroma=options.chroma,
    )
    control = Control()
    with console.Meter() as meter, console.cancelling(control):
        path = run(config, progress=_stepper(meter), report=_noter(meter), control=control)
    _print_scores([path], options.json, None)
    console.remark(f"wrote {path}")


def _stepper(meter: console.Meter) -> Any:
    def step(progress: Progress) -> None:
        meter.step(progress.done, progress.total, progress.note)

    return step


def _noter(meter: console.Meter) -> Any:
    from workbench.engine.protocol import Loading, Ready

    def note(report: Report) -> None:
        if isinstance(report, Loading):
            meter.note(report.what)
        elif isinstance(report, Ready):
            meter.note(f"{report.model} on {report.device}")
            if report.note:
                meter.note(report.note)

    return note


# score ---------------------------------------------------------------------------------------------------------------


def _add_score(commands: Any) -> None:
    command = _command(commands, "score", _score, "published scores, accuracy, retrieval and cost of every lane")
    command.add_argument("file", nargs="+", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--session", metavar="NAME", help="only this session of the run")
    command.add_argument("--audit", action="store_true", help="what became of old and new versions of changed facts")
    command.add_argument(
        "--method", action="append", default=[], metavar="NAME", help="evaluation methods instead, over all files; see "
        "`mnemoscope methods`; repeat it for several"
    )  # fmt: skip
    _errata(command)
    _json(command)


def _errata(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--errata",
        action="append",
        type=Path,
        metavar="FILE",
        help='leave out questions whose gold is known to be wrong: JSON or JSON Lines of {"question", "session"?, '
        '"gold"?}, or a list of the LoCoMo audit; off by default',
    )
    command.add_argument("--correct", action="store_true", help="with --errata: score with the file's golds instead")


def _known_errors(options: argparse.Namespace) -> Errata | None:
    from workbench.probes import errata

    if options.correct and not options.errata:
        raise UsageError("--correct: there are no --errata to correct by", "name a file with --errata FILE")
    return errata.read(options.errata, options.correct) if options.errata else None


def _score(options: argparse.Namespace) -> None:
    if options.method:
        from workbench.commands import methods

        methods.score(options.file, options.method, options.session, options.json, _known_errors(options))
        return
    _print_scores(options.file, options.json, options.session, options.audit, _known_errors(options))


def _print_scores(
    paths: Sequence[Path], as_json: bool, session: str | None, audited: bool = False, errata: Errata | None = None
) -> None:
    from workbench.commands import score

    score.run(paths, as_json, session, audited, errata)


def _add_grade(commands: Any) -> None:
    command = _command(commands, "grade", _grade, "scores of answers that another system gave to a session's probes")
    command.add_argument("session", type=Path, metavar="SESSION", help="a session file, any known format, or a run")
    command.add_argument(
        "--answers",
        type=Path,
        required=True,
        metavar="FILE.jsonl",
        help='a line an answer: {"id", "answer"}; with several sessions also "session"',
    )
    command.add_argument("--session", dest="session_name", default="", metavar="NAME", help="only this one of the file")
    command.add_argument(
        "--judge", default="", metavar="MODEL", help="also judge with this model, like `judge --model`"
    )
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads of the judge")
    _reading(command)
    _errata(command)
    _json(command)


def _grade(options: argparse.Namespace) -> None:
    from workbench.commands import grade

    sessions, _ = _sessions(options.session, **_read_options("grade", options))
    grade.run(sessions, options, _known_errors(options))


def _add_rerun(commands: Any) -> None:
    command = _command(commands, "rerun", _rerun, "makes a run again from its own file, and compares")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: beside it, with -again in its name")
    command.add_argument("--model", default="", metavar="demo|NAME|PATH|URL", help="where the model is now")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    _json(command)


def _rerun(options: argparse.Namespace) -> None:
    from workbench.commands import rerun

    rerun.run(options)


def _add_judge(commands: Any) -> None:
    command = _command(commands, "judge", _judge, "a model's verdicts on the answers of a run, added to its file")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--model", default="demo", metavar="demo|NAME|PATH|URL", help="who judges")
    command.add_argument("--session", default="", metavar="NAME", help="only this session of the run")
    command.add_argument("--lane", default="", metavar="L", help="only this lane")
    command.add_argument("--again", action="store_true", help="also what this model judged before")
    command.add_argument(
        "--rubric",
        default="",
        choices=("tick-judge", "clear-judge", "locomo-judge", "longmemeval-judge"),
        help="judge every answer by it; tick and clear go item by item (docs/scores.md)",
    )
    command.add_argument("--context", type=int, metavar="N", help="tokens per verdict and prompt")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    _json(command)


def _judge(options: argparse.Namespace) -> None:
    from workbench.commands import judge

    judge.run(options)


# inspect, convert, synth ---------------------------------------------------------------------------------------------


def _add_inspect(commands: Any) -> None:
    command = _command(commands, "inspect", _inspect, "what a session, run or model file holds, and what is odd in it")
    command.add_argument("file", type=Path, metavar="FILE")
    _reading(command)
    _json(command)


def _reading(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--map",
        metavar="FIELD=COLUMN,…|FILE.json",
        help="read any table of questions: question=, context=, answers= or answer_index=, evidence=, id=, session=, "
        "options=, date=, rows=, or a JSON file of the same; see docs/formats.md",
    )
    command.add_argument(
        "--read",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the file's reader, for example chunk=code (see docs/formats.md); repeat it for several",
    )


def _read_options(command: str, options: argparse.Namespace) -> dict[str, str]:
    found = _pairs(command, options.read, "--read", "see docs/formats.md")
    if not options.map:
        return found
    from workbench.sessions.formats import mapped

    if found:
        raise UsageError(f"{command}: --read does not go with --map", "a table has no reader of its own: leave it out")
    return {"map": mapped.written_map(mapped.parse_map(options.map))}


def _inspect(options: argparse.Namespace) -> None:
    found = describe(options.file, **_read_options("inspect", options))
    if options.json:
        console.say_json(found)
        return
    warnings = found.pop("warnings")
    for key, value in found.items():
        console.say(f"{key:<14}{', '.join(map(str, value)) if isinstance(value, list) else value}")
    console.say(f"{'warnings':<14}{len(warnings)}")
    for warning in warnings:
        console.say(f"  {warning}")


def describe(path: Path, **options: str) -> dict[str, Any]:
    """What ``inspect --json`` says: ``{format, sessions, turns, probes, warnings}`` and more by the kind of file."""
    magic = _magic(path)
    if magic.startswith(b"GGUF"):
        return _describe_model(path)
    return _described(*_sessions(path, **options))


def _described(sessions: Sequence[Session], more: dict[str, Any]) -> dict[str, Any]:
    return {
        "format": "run" if more else sessions[0].format,
        "sessions": len(sessions),
        "turns": sum(len(s.turns) for s in sessions),
        "probes": sum(len(s.probes) for s in sessions),
        **more,
        "warnings": [f"{s.name}: {w}" if len(sessions) > 1 else w for s in sessions for w in s.warnings],
    }


def _magic(path: Path) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read(len(SQLITE_MAGIC))
    except OSError as error:
        raise MnemoscopeError(f"{path}: cannot be read ({error.strerror})", "check the path") from error


def _sessions(path: Path, **options: str) -> tuple[list[Session], dict[str, Any]]:
    """The sessions of a session file or of a run; for a run also its lanes and how many events it holds."""
    from workbench.trace.reader import is_run

    if not is_run(path):
        from workbench.sessions import formats

        return formats.read(path, **options), {}
    from workbench.examine import opened

    with opened(path) as reader:
        sessions = [reader.session(number) for number in reader.session_names()]
        made = {"reader": dict(reader.meta("config") or {}).get("reader", "model")}
        return sessions, {"lanes": [lane.name for lane in reader.lanes()], "events": reader.last_seq()} | made


def _describe_model(path: Path) -> dict[str, Any]:
    from workbench.llm.gguf_file import read_header

    header = read_header(path)
    more = {
        "architecture": header.architecture,
        "name": header.metadata.get("general.name", ""),
        "layers": header.of_architecture("block_count"),
        "context": header.of_architecture("context_length"),
    }
    return {"format": "gguf", "sessions": 0, "turns": 0, "probes": 0, **more, "warnings": []}


def _add_convert(commands: Any) -> None:
    command = _command(commands, "convert", _convert, "write the sessions of any known file in the native format")
    command.add_argument("file", type=Path, metavar="FILE", help="a session file, or a run")
    command.add_argument("--out", type=Path, required=True, metavar="SESSION.json")
    command.add_argument(
        "--rotate", action="store_true", help="every choice once for every rotation of its options (CircularEval)"
    )
    _reading(command)
    _json(command)


def _convert(options: argparse.Namespace) -> None:
    sessions, _ = _sessions(options.file, **_read_options("convert", options))
    if options.rotate:
        from workbench.sessions.rotations import rotated

        sessions = [rotated(session) for session in sessions]
    _write_sessions(sessions, options.out, options.json)


def _write_sessions(sessions: Sequence[Session], out: Path, as_json: bool) -> None:
    import json

    data = [s.to_json() for s in sessions]
    write_text(
        out, json.dumps(data[0] if len(data) == 1 else data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    )
    turns, probes = sum(len(s.turns) for s in sessions), sum(len(s.probes) for s in sessions)
    if as_json:
        console.say_json({"out": str(out), "sessions": len(data), "turns": turns, "probes": probes})
    else:
        console.say(f"wrote {out}: {console.count(len(data), 'session')}, {turns} turns, {probes} probes")


def _add_probes(commands: Any) -> None:
    command = _command(commands, "probes", _probes, "questions beside a session file: list, add, let a model write")
    command.add_argument("session", type=Path, metavar="SESSION", help="a session file, any known format")
    command.add_argument("--session", dest="session_name", default="", metavar="NAME", help="only this one of the file")
    command.add_argument("--add", metavar="QUESTION", help="write one; with --gold")
    command.add_argument("--gold", action="append", metavar="ANSWER", help="an accepted answer; repeat it for several")
    command.add_argument("--evidence", default="", metavar="3,4", help="the turns that hold the answer, by number")
    command.add_argument("--after", type=int, metavar="TURN", help="asked after this turn; default: the last")
    command.add_argument("--competency", default=COMPETENCIES[0], choices=COMPETENCIES, help="what it tests")
    command.add_argument(
        "--make", type=int, metavar="N", help="let the model write up to N; what is unsupported is dropped"
    )
    command.add_argument("--remove", action="append", default=[], metavar="ID", help="take one out again")
    command.add_argument("--model", default="demo", metavar="NAME|PATH|URL", help="who writes: an instruct model")
    command.add_argument("--context", type=int, metavar="N", help="tokens per sequence")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    _json(command)


def _probes(options: argparse.Namespace) -> None:
    from workbench.commands import probes

    probes.run(options)


def _add_synth(commands: Any) -> None:
    command = _command(commands, "synth", _synth, "generate sessions with probes, also after published benchmarks")
    command.add_argument("kind", nargs="?", metavar="KIND", help="see --list")
    command.add_argument("--list", action="store_true", help="every kind with its options, paper and label")
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument("--tokens", type=int, metavar="N", help="length of a benchmark's session; default 2000")
    command.add_argument(
        "--model", default="demo", metavar="demo|NAME|PATH|words", help="whose tokens are counted; words: no model's"
    )
    command.add_argument("--date", default="", metavar="YYYY-MM-DD", help="of a release: each has probes of its own")
    command.add_argument("--versions", type=int, default=1, metavar="N", help="so many versions of every probe")
    command.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="repeat it for several")
    command.add_argument("--out", type=Path, metavar="SESSION.json", help="default: KIND-SEED.json")
    _json(command)


def _synth(options: argparse.Namespace) -> None:
    from workbench.commands import synth

    if options.list:
        synth.listed(options.json)
        return
    if not options.kind:
        raise UsageError("mnemoscope synth: which kind?", "see `mnemoscope synth --list`")
    pairs = _pairs("synth", options.option, "--option", "see `mnemoscope synth --list`")
    sessions = synth.made(options, pairs)
    _write_sessions(sessions, options.out or Path(f"{options.kind}-{options.seed}.json"), options.json)


def _pairs(command: str, given: Sequence[str], flag: str, remedy: str) -> dict[str, str]:
    """``KEY=VALUE`` arguments by key."""
    pairs = [pair.partition("=") for pair in given]
    if any(not key or not equals for key, equals, _ in pairs):
        raise UsageError(f"mnemoscope {command}: options are written {flag} key=value", remedy)
    return {key: value for key, _, value in pairs}


# lanes ---------------------------------------------------------------------------------------------------------------


def _add_lanes(commands: Any) -> None:
    command = _command(commands, "lanes", _lanes, "every memory strategy and cache policy with its parameters")
    _json(command)


def _lanes(options: argparse.Namespace) -> None:
    from workbench.cache.registry import policies, policy
    from workbench.memory.controls import CONTROLS
    from workbench.memory.registry import strategies, strategy

    found = {
        "memory": [_card(strategy(name)) for name in strategies()],
        "cache": [_card(policy(name)) for name in policies()],
        "control": [_card(strategy(name)) for name in CONTROLS],
    }
    if options.json:
        console.say_json(found)
        return
    for kind, cards in found.items():
        rows = [[c["name"], c["title"], c["fidelity"], _given(c["parameters"]), c["paper"]] for c in cards]
        console.say(console.table([kind, "title", "fidelity", "parameters with defaults", "paper"], rows) + "\n")


def _card(cls: Any) -> dict[str, Any]:
    from dataclasses import fields

    made = cls()
    parameters = {f.name: getattr(made, f.name) for f in fields(made) if f.init}
    card = {key: getattr(cls, key, "") for key in ("name", "title", "fidelity", "paper", "differs")}
    return card | {"parameters": parameters}


def _given(parameters: dict[str, Any]) -> str:
    return " ".join(f"{k}={str(v).lower() if isinstance(v, bool) or v is None else v}" for k, v in parameters.items())


# prompts -------------------------------------------------------------------------------------------------------------


def _add_prompts(commands: Any) -> None:
    command = _command(commands, "prompts", _prompts, "what a method sends to a model")
    command.add_argument("method", nargs="?", metavar="METHOD", help="a memory strategy, or answer; all without it")
    command.add_argument("operation", nargs="?", metavar="OPERATION", help="one of the method's")
    command.add_argument("--prompts", type=Path, metavar="DIR", help="your own prompts, which come before these")
    _json(command)


def _prompts(options: argparse.Namespace) -> None:
    from workbench.memory.prompt_sets import PromptSet

    known = PromptSet("full", options.prompts)
    files = known.files()
    chosen = files if options.method is None else {options.method: files.get(options.method, {})}
    if options.method and not chosen[options.method]:
        raise UsageError(f"no prompts of {options.method!r}", f"there are: {', '.join(files)}")
    if options.operation:
        chosen = {options.method: {k: v for k, v in chosen[options.method].items() if k == options.operation}}
        if not chosen[options.method]:
            named = ", ".join(files[options.method])
            raise UsageError(f"{options.method} has no operation {options.operation!r}", f"it has: {named}")
    if options.json:
        written = {m: {o: known.written_out(p) for o, p in found.items()} for m, found in chosen.items()}
        console.say_json({"set": known.name, "sha256": known.digest, "prompts": written})
    elif options.method is None:
        console.say(console.table(["method", "operations"], [[m, ", ".join(found)] for m, found in files.items()]))
    else:
        for operation, path in chosen[options.method].items():
            console.say(f"=== {options.method}/{operation}\n{known.written_out(path).rstrip()}\n")


# record --------------------------------------------------------------------------------------------------------------


def _add_record(commands: Any) -> None:
    command = _command(commands, "record", _record, "a running agent as a run file, live: what it sends over OTLP")
    command.add_argument("file", nargs="*", type=Path, metavar="FILE", help="OTLP files instead of a running agent")
    command.add_argument(
        "--otlp",
        nargs="?",
        type=int,
        const=4318,
        default=4318,
        metavar="PORT",
        help="listen here; 4318, 0 for any free",
    )
    command.add_argument("--out", type=Path, metavar="FILE.mnemo", help="default: recorded.mnemo, here")
    command.add_argument("--lane", action="append", metavar="SPEC", help="replays the same turns as they come")
    _models(command)
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads of those lanes")
    _json(command)


def _record(options: argparse.Namespace) -> None:
    from workbench.record import command

    out = options.out or command.default_path()
    if options.file:
        found = command.convert(out, options.file)
    else:
        from workbench.engine.config import RunConfig

        lanes, model, embedder = tuple(options.lane or ()), options.model, options.embedder
        beside = RunConfig((), lanes, model, embedder, capture="off", threads=options.threads) if lanes else None
        until = command.Until()
        with console.cancelling(until):
            found = command.listen(out, options.otlp, until, console.remark, beside)
    if options.json:
        console.say_json(found)
        return
    for warning in found["warnings"]:
        console.remark(warning)
    counted = [console.count(found[name], name.removesuffix("s")) for name in ("sessions", "turns", "events")]
    console.say(f"wrote {found['out']}: {', '.join(counted)}")


# export, bench, selftest ---------------------------------------------------------------------------------------------


def _add_export(commands: Any) -> None:
    command = _command(commands, "export", _export, "a report of a run, or the run in another tool's format")
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
    _errata(command)
    _json(command)


def _export(options: argparse.Namespace) -> None:
    if options.key is not None and not options.redact:
        raise UsageError("--key goes with --redact", "see `mnemoscope export --help`")
    errata = _known_errors(options)
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

    sessions, _ = _sessions(file)
    found = [trajectory(session) for session in sessions]
    write_text(out, json.dumps(found[0] if len(found) == 1 else found, ensure_ascii=False, indent=1) + "\n")


def _add_repair(commands: Any) -> None:
    command = _command(commands, "repair", _repair, "save what is readable of a damaged run into a new file")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--out", type=Path, required=True, metavar="NEW.mnemo")
    _json(command)


def _repair(options: argparse.Namespace) -> int:
    from workbench.repair import repair

    saved = repair(options.file, options.out)
    if options.json:
        console.say_json({"out": str(options.out)} | vars(saved))
        return 0
    for line in saved.lost:
        console.say(f"lost: {line}")
    console.say("nothing was lost" if not saved.lost else "the rest was saved" + "; it has gaps" * saved.gaps)
    held = [console.count(saved.sessions, "session"), console.count(saved.lanes, "lane")]
    console.say(f"wrote {options.out}: {', '.join(held)}, {console.count(saved.events, 'event')}")
    return 0


def _add_bench(commands: Any) -> None:
    command = _command(commands, "bench", _bench, "measure what should be fast")
    command.add_argument("name", nargs="*", metavar="NAME", help="which; all quick ones without a name")
    command.add_argument("--list", action="store_true", help="the names")
    command.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of it, as model=PATH or out=FOLDER"
    )
    _json(command)


def _bench(options: argparse.Namespace) -> None:
    from workbench import bench

    if options.list:
        cards = [{"name": b.name, "what": b.what} for b in bench.BENCHMARKS.values()]
        table = console.table(["name", "what"], [[c["name"], c["what"]] for c in cards])
        console.say_json(cards) if options.json else console.say(table)
        return
    found, settings = {}, dict(given.partition("=")[::2] for given in options.set)
    for name in bench.chosen(options.name):
        console.remark(f"{name}: measuring")
        found[name] = bench.measure(name, settings) if settings else bench.measure(name)
        if not options.json:
            console.say(console.table([name, "value"], bench.rows(found[name]), right=["value"]) + "\n")
    if options.json:
        console.say_json(found)


def _add_models(commands: Any) -> None:
    from workbench.models import command

    command.add_arguments(_command(commands, "models", command.act, "list, obtain, add and remove models"))


def _add_explain(commands: Any) -> None:
    command = _command(commands, "explain", _explain, "why answers are wrong, and what proves it")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--session", default="", metavar="NAME", help="only this session of the run")
    command.add_argument("--probe", default="", metavar="ID", help="only this one, at length; right answers, too")
    command.add_argument("--lane", default="", metavar="L", help="only this lane")
    command.add_argument(
        "--confirm", action="store_true", help="change one thing and ask again, until the answer flips"
    )
    _of_model(command)
    _json(command)


def _add_methods(commands: Any) -> None:
    command = _command(commands, "methods", _methods, "evaluation methods after publications, and how to call them")
    _json(command)


def _methods(options: argparse.Namespace) -> None:
    from workbench.commands import methods

    methods.listed(options.json)


def _add_sweep(commands: Any) -> None:
    command = _command(commands, "sweep", _sweep, "many sessions x lanes x models x seeds; a sweep that ended goes on")
    command.add_argument("config", type=Path, metavar="CONFIG.yaml", help="what is swept: docs/sweeps.md")
    command.add_argument("--engine", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster")
    command.add_argument("--address", default="", metavar="A", help="of a Ray cluster; without it one is started here")
    command.add_argument("--workers", type=int, metavar="N", help="tasks at once; default: one a core")
    command.add_argument("--dry-run", action="store_true", help="only say what would be done and about what it costs")
    command.add_argument("--csv", type=Path, metavar="DIR", help="also the table, as a folder of CSV files")
    _json(command)


def _sweep(options: argparse.Namespace) -> int:
    from workbench.commands import sweep

    return sweep.run(options)


def _add_autobench(commands: Any) -> None:
    command = _command(commands, "autobench", _autobench, "search a generator's settings for what is hard for lanes")
    command.add_argument("generator", metavar="GENERATOR", help="see `mnemoscope synth --list`")
    command.add_argument("--lane", action="append", required=True, metavar="SPEC", help="two or more; repeat it")
    command.add_argument("--rounds", type=int, default=12, metavar="N", help="settings that are tried")
    command.add_argument("--tokens", type=int, default=1000, metavar="N", help="of the first session")
    command.add_argument("--seed", type=int, default=0, metavar="N")
    command.add_argument("--reader", choices=READERS, default="model", help="who answers")
    _models(command)
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    command.add_argument("--out", type=Path, metavar="SESSION.json", help="the sessions of the best setting")
    _json(command)


def _autobench(options: argparse.Namespace) -> None:
    from workbench.commands import autobench

    best = autobench.run(options)
    if options.out and best:
        _write_sessions(best, options.out, False)


def _add_knockout(commands: Any) -> None:
    command = _command(commands, "knockout", _knockout, "an answer with parts of its context masked in the model")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--lane", required=True, metavar="L")
    command.add_argument("--probe", required=True, metavar="ID")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument("--span", action="append", default=[], metavar="S",
                         help="what to mask at once: a place, a label, an item or turn:N; repeat it")  # fmt: skip
    command.add_argument("--layers", default="", metavar="N,N-N", help="only in these layers")
    command.add_argument("--heads", default="", metavar="N,N-N", help="only in these heads")
    _of_model(command)
    _json(command)


def _knockout(options: argparse.Namespace) -> None:
    from workbench.commands.knockout import knockout

    knockout(options)


def _add_surprise(commands: Any) -> None:
    command = _command(commands, "surprise", _surprise, "how much the model expected the words of a turn or an answer")
    command.add_argument("file", type=Path, metavar="FILE", help="a run file")
    command.add_argument("--lane", default="", metavar="L", help="whose model, and whose EM-LLM events; else the first")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--turn", default="", metavar="N,N-N", help="these turns, each after what was said before it")
    what.add_argument("--probe", default="", metavar="ID", help="the packed context and the answer to this probe")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument("--model", default="", metavar="PATH", help="where the run's model is now, or another one")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    _json(command)


def _surprise(options: argparse.Namespace) -> None:
    from workbench.commands.surprise import surprise

    surprise(options)


def _add_branch(commands: Any) -> None:
    command = _command(commands, "branch", _branch, "what if: a lane run again from a turn, with something changed")
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a run file; the branch becomes a lane of its own in it"
    )
    command.add_argument("--lane", required=True, metavar="L")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--turn", type=int, metavar="T", help="the last turn that stays as it was")
    what.add_argument("--undo", action="store_true", help="take the branch L out of the file again")
    command.add_argument("--session", default="", metavar="NAME", help="of several sessions in the run")
    command.add_argument(
        "--edit",
        action="append",
        default=[],
        metavar="EDIT",
        help="text:ITEM=TEXT, add:KIND=TEXT, delete:ITEM, restore:ITEM, param:KEY=VALUE, cache:POLICY, prompts:SET, "
        "model:PATH, temperature:T, thinking:N, reader:R, seed:N; repeat it",
    )
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")
    _code(command)
    _json(command)


def _branch(options: argparse.Namespace) -> None:
    from workbench.commands.branch import branch

    branch(options)


def _code(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="FILE.py:CLASS",
        help="the class of a lane that was given by path, where this machine does not know it; it is run",
    )


def _of_model(command: argparse.ArgumentParser) -> None:
    _code(command)
    command.add_argument("--model", default="", metavar="PATH", help="where the run's model is now, or another one")
    command.add_argument("--threads", type=int, metavar="N", help="CPU threads")


def _explain(options: argparse.Namespace) -> None:
    from workbench.commands.explain import explain

    explain(options)


def _add_selftest(commands: Any) -> None:
    command = _command(commands, "selftest", _selftest, "check this installation, from libraries to a replayed session")
    _models(command)
    _json(command)


def _selftest(options: argparse.Namespace) -> int:
    from workbench.selftest import selftest

    return selftest(options.model, options.embedder, options.json)
