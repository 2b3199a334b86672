"""How far a sweep is, on standard error: a table that stays in place on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from workbench import console
from workbench.sweep.drive import Report

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_EVERY = 5.0  # seconds between lines where standard error is no terminal
_LANES = 20  # rows of the table


class Board:
    """Shows reports."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live: Live | None = None
        self._shown, self._done = time.monotonic(), 0

    def __enter__(self) -> Board:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, report: Report) -> None:
        """So far it is."""
        if self._live:
            self._live.update(self._table(report))
            return
        now, first = time.monotonic(), report.done > 0 and not self._done
        if now - self._shown >= _EVERY or first or (report.done == report.total and report.done > self._done):
            self._shown, self._done = now, report.done
            console.remark(line(report))

    def _table(self, report: Report) -> Table:
        from rich.table import Table
        from rich.text import Text

        made = Table(title=Text(console.plain(self._title)), caption=Text(line(report)), title_justify="left")
        for head in ("lane", "with"):
            made.add_column(head)
        for head in ("sessions", "probes", "right"):
            made.add_column(head, justify="right")
        for (system, lane), tally in list(report.tallies.items())[:_LANES]:
            right = console.percent(tally.right / tally.probes) if tally.probes else ""
            cells = (lane, system, f"{tally.results:,}", f"{tally.probes:,}", right)
            made.add_row(*(Text(console.plain(cell)) for cell in cells))
        return made


def line(report: Report) -> str:
    """The report in a line."""
    parts = [f"{console.percent(report.done / max(1, report.total))}  {report.done:,} of {report.total:,} tasks"]
    parts += [f"{number:,} {what}" for number, what in (
        (report.under_way, "under way"), (report.retried, "tried again"), (report.lost, "lost with their worker"),
        (len(report.failed), "failed"),
    ) if number]  # fmt: skip
    parts.append(console.seconds(report.seconds))
    if report.left and report.done < report.total:
        parts.append(f"{console.seconds(report.left)} left")
    return ", ".join(parts)
