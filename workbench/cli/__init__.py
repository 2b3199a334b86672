"""The command line, design section 10: the engine in-process. One command, one file, one line in ``COMMANDS``.

Results go to standard output, progress and remarks to standard error. Exit codes: 0, 2 for wrong usage, 1 for
everything else with one line that says what is wrong and what to do. What is heavy is imported by the command that
needs it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from workbench import __version__, console
from workbench.cli import (
    autobench,
    bench,
    branch,
    convert,
    explain,
    export,
    grade,
    inspect,
    judge,
    knockout,
    lanes,
    methods,
    models,
    probes,
    prompts,
    record,
    repair,
    rerun,
    run,
    score,
    selftest,
    surprise,
    sweep,
    synth,
)  # fmt: skip
from workbench.errors import Cancelled, MnemoscopeError, UsageError

COMMANDS = (
    run, record, score, grade, judge, rerun, inspect, convert, synth, probes, lanes, prompts, export, bench, repair,
    models, explain, knockout, surprise, branch, methods, sweep, autobench, selftest,
)  # fmt: skip
"""In the order of ``mnemoscope --help``. Each has ``add``, which makes its parser."""

_LONGEST = 1000  # characters of a line that says what is wrong


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
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
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
    for command in COMMANDS:
        command.add(commands)
    return top
