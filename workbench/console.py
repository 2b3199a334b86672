"""What the command line prints: tables and JSON on standard output, progress and remarks on standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

_PLAIN_EVERY = 5.0  # seconds between progress lines where standard error is no terminal


# Everything but a line break: escape sequences move the cursor and set titles, marks of direction reorder a line.
_CONTROLS = {code: chr(0x2400 + code) for code in range(32) if code != 10} | dict.fromkeys(
    [127, *range(128, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)],
    "\N{REPLACEMENT CHARACTER}",
)


def plain(text: str) -> str:
    """The text as a terminal may have it: control characters of files, names and models are shown, not obeyed."""
    return text if text.isascii() and text.replace("\n", "").isprintable() else text.translate(_CONTROLS)


def say(text: str) -> None:
    """A line on standard output."""
    print(plain(text), flush=True)


def remark(text: str) -> None:
    """A line on standard error. Work does not end because nobody can be told how far it is."""
    with suppress(OSError):
        print(plain(text), file=sys.stderr, flush=True)


def say_json(data: Any) -> None:
    """A JSON document on standard output; in ASCII, so that no terminal's encoding can spoil it."""
    say(json.dumps(data, indent=2))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> str:
    """Columns as wide as their longest cell; those named in ``right`` are set flush right. Never wraps."""
    rows = [[" ".join(plain(cell).split()) if "\n" in cell else plain(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in (headers, *rows)) for i in range(len(headers))]
    flush = [h in right for h in headers]

    def line(cells: Sequence[str]) -> str:
        set_ = (c.rjust(w) if f else c.ljust(w) for c, w, f in zip(cells, widths, flush, strict=True))
        return "  ".join(set_).rstrip()

    return "\n".join([line(headers), "  ".join("-" * w for w in widths), *map(line, rows)])


def seconds(value: float) -> str:
    """A duration with its unit."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 120 else f"{minutes} min {rest} s"


def count(number: int, what: str) -> str:
    """``1 session``, ``2 sessions``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def percent(value: float) -> str:
    """A share in whole percent."""
    return f"{value * 100:.0f} %"


class Meter:
    """Progress on standard error: a bar on a terminal, elsewhere a line now and then."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._began = self._shown = time.monotonic()
        self._task: Any = None

    def __enter__(self) -> Meter:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def note(self, text: str) -> None:
        """Say what is being done before there is anything to count."""
        if self._bar:
            self._bar.update(self._task, description=_short(text))
        else:
            remark(text)

    def step(self, done: int, total: int, note: str) -> None:
        """So much of all is done."""
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, description=_short(note))
            return
        now = time.monotonic()
        if now - self._shown >= _PLAIN_EVERY or done == total:
            self._shown = now
            remark(f"{percent(done / max(total, 1))}  {done} of {total}  {seconds(now - self._began)}  {_short(note)}")


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def _short(text: str, limit: int = 60) -> str:
    flat = plain(" ".join(text.split()))
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def cancelling(control: Any) -> AbstractContextManager[Any]:
    """While inside, Ctrl-C, a termination request and a terminal that closes cancel the run instead of tearing it down.

    What whoever started the program had it ignore (``nohup``) stays ignored.
    """
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        return nullcontext()
    known = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return _Signals(control, [s for s in known if signal.getsignal(s) is not signal.SIG_IGN])


class _Signals:
    def __init__(self, control: Any, signals: Sequence[int]) -> None:
        self._control, self._signals = control, signals
        self._before: list[Any] = []
        self._asked = False

    def __enter__(self) -> None:
        import signal

        self._before = [signal.signal(s, self._cancel) for s in self._signals]

    def __exit__(self, *_: object) -> None:
        import signal

        for number, before in zip(self._signals, self._before, strict=True):
            signal.signal(number, before)

    def _cancel(self, *_: object) -> None:
        if self._asked:
            raise KeyboardInterrupt  # asked twice: at once, whatever it costs
        self._asked = True
        remark("cancelling; once more to leave at once")
        self._control.cancel()
