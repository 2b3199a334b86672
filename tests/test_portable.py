"""Nothing that only Unix has is used without a way around it: Windows could not even start.

What is not there on Windows is from the "Availability" notes of Python's documentation of ``os`` and ``signal``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_WORDS = """
modules: crypt curses fcntl grp nis ossaudiodev posix pty pwd readline resource spwd syslog termios tty
os: chown chroot confstr ctermid EX_OK fchdir fchmod fchown fork forkpty fpathconf fstatvfs getegid geteuid
    getgid getgrouplist getgroups getloadavg getpgid getpgrp getpriority getresgid getresuid getsid getuid
    getxattr killpg initgroups lchown listxattr lockf major makedev memfd_create minor mkfifo mknod nice
    O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK O_SYNC openpty pathconf pipe2 posix_fadvise posix_fallocate
    posix_spawn pread preadv pwrite pwritev register_at_fork sched_getaffinity sched_setaffinity sched_yield
    sendfile setegid seteuid setgid setgroups setpgid setpriority setregid setreuid setsid setuid setxattr
    statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 waitid WIFEXITED WIFSIGNALED WEXITSTATUS
    WTERMSIG
signal: alarm getitimer ITIMER_REAL pause pthread_kill pthread_sigmask setitimer SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP
    SIGIO SIGKILL siginterrupt sigpending SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 sigwait SIGXCPU
"""
UNIX = {part.partition(":")[0]: set(part.split()[1:]) for part in re.split(r"\n(?=\w)", _WORDS.strip())}
# Words of a function that asks first, or lives without it.
ASKS = ("os.name", "sys.platform", "hasattr(os", "hasattr(signal", "WINDOWS", "ImportError", "AttributeError")
# Called on Unix alone: Windows has no fork, so a training run saves its state in its own process.
KNOWN = {"packaging/demo_model/train.py: os.fork"}


def sources() -> Iterator[Path]:
    for folder in ("workbench", "ui", "packaging"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def unguarded(source: str) -> Iterator[str]:
    """What a source uses that only Unix has, in no function that asks for it."""
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = source.splitlines()
    asking = [f for f in functions if any(word in "\n".join(lines[f.lineno - 1 : f.end_lineno]) for word in ASKS)]
    guarded = {id(node) for function in asking for node in ast.walk(function)}
    for node in ast.walk(tree):
        if id(node) not in guarded:
            yield from _uses(node)


def _uses(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in UNIX["modules"])
    elif isinstance(node, ast.ImportFrom) and node.module in UNIX["modules"]:
        yield str(node.module)
    elif isinstance(node, ast.ImportFrom) and node.module in ("os", "signal"):
        yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name in UNIX[node.module])
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "signal"):
        yield from [f"{node.value.id}.{node.attr}"] if node.attr in UNIX[node.value.id] else []


def test_nothing_of_unix_alone_is_used_unasked() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}: {what}"
        for path in sources()
        for what in unguarded(path.read_text(encoding="utf-8"))
    }
    assert found == KNOWN


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import fcntl", ["fcntl"]),
        ("from resource import getrusage", ["resource"]),
        ("from os import fork", ["os.fork"]),
        ("import os\ndef f():\n    return os.getuid()", ["os.getuid"]),
        ("import os\ndef f():\n    return os.getuid() if os.name == 'posix' else 0", []),
        ("def f():\n    try:\n        import fcntl\n    except ImportError:\n        pass", []),
        ("import os, signal\nos.kill(1, signal.SIGTERM)", []),
    ],
)
def test_the_search_finds_what_it_is_for(source: str, found: list[str]) -> None:
    assert list(unguarded(source)) == found


def test_text_files_name_their_encoding() -> None:
    """Windows takes the code page of the country where none is named."""
    missing = []
    for path in sources():
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and _reads_as_the_country_does(node):
                missing.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert missing == []


def _reads_as_the_country_does(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    values = {word.arg: word.value for word in call.keywords}
    if "encoding" in values or None in values:
        return False
    if name == "read_text":
        return not call.args
    if name == "write_text":
        return len(call.args) == 1
    if name == "open" and isinstance(call.func, ast.Name):
        mode = call.args[1] if len(call.args) > 1 else values.get("mode")
        return not (isinstance(mode, ast.Constant) and "b" in str(mode.value)) and len(call.args) < 4
    return False
