"""Measurements of the window: ``python -m ui.bench``, or ``mnemoscope bench scrub``.

``scrub`` moves the cursor through a run of 2,000 turns, twelve lanes and 1,000 items per lane, and measures for each
panel the time from the move of the cursor until the panel has painted what belongs to it. Offscreen, so without the
screen's own wait; ``repaint`` is forced, so that painting is counted. ``start`` measures the first window.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LANES = (
    "full", "window", "bm25", "dense", "a-mem", "mem0", "memos", "letta", "bm25:k=5", "dense:k=5", "a-mem:k=5",
    "mem0:k=5",
)  # fmt: skip
_PATIENCE = 600.0  # seconds that a long run may take to be read on a busy machine
PANELS = (
    "scrubber",
    "transcript",
    "lanes",
    "scoreboard",
    "graph",
    "items",
    "diff",
    "hits",
    "attention",
    "cache",
    "probes",
    "log",
    "cost",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print the figures as JSON."""
    options = arguments(argv)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    figures: dict[str, Any] = {}
    if options.what in ("scrub", "all"):
        figures["scrub"] = scrub_file(options)
    if options.what in ("start", "all"):
        figures["start"] = start()
    print(json.dumps(figures, indent=2))
    return 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options; without any, everything is measured."""
    parser = argparse.ArgumentParser("python -m ui.bench", description="Measure the window")
    parser.add_argument("what", choices=("scrub", "start", "all"), nargs="?", default="all")
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--lanes", type=int, default=len(LANES))
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--panel", action="append", choices=PANELS, help="only these panels")
    parser.add_argument("--run", type=Path, help="a run file to scrub through instead of an invented one")
    return parser.parse_args(argv)


def scrub_file(options: argparse.Namespace) -> dict[str, Any]:
    """Scrub through a run file, or through an invented one of the given size."""
    with tempfile.TemporaryDirectory() as folder:
        path = options.run
        if path is None:
            from tests.support.traces import write_trace  # invented runs are test material; the checkout has them

            sizes = (options.turns, options.items, options.probes, LANES[: options.lanes])
            path = write_trace(Path(folder) / "scrub.mnemo", *sizes)
        return scrub(path, options.moves, options.panel or PANELS)


def scrub(path: Path, moves: int = 200, names: Sequence[str] = PANELS) -> dict[str, Any]:
    """Per panel: ms from the cursor's move to painted, in ms: median, 95th percentile, worst; and for the window."""
    from ui.application import application

    application()
    from ui.settings import Settings
    from ui.theme import theme
    from ui.tour import settle
    from ui.window import MainWindow

    theme.use("dark")
    with tempfile.TemporaryDirectory() as folder:
        window = MainWindow(Settings(Path(folder) / "window.ini"))
        window.resize(1600, 1000)
        window.show()
        window.open(path)
        settle(window, _PATIENCE)
        out: dict[str, Any] = {"turns": window.workspace.cursor.last + 1, "moves": moves, "panels": {}}
        for name in names:
            out["panels"][name] = _panel(window, name, moves)
        window.set_layout("Debug")
        out["debug layout, all panels"] = _whole(window, moves)
        window.close()
    return out


def path_of(last: int, moves: int) -> list[int]:
    """Turns that a hand visits: mostly small steps to and fro, now and then a leap. The same every time."""
    rng, turn, out = random.Random(7), last // 2, []
    for _ in range(moves):
        turn += rng.choice((1, 1, 1, 2, 3, -1, -2, 7, -9)) if rng.random() < 0.9 else rng.randint(-last // 2, last // 2)
        turn = turn % (last + 1)
        out.append(turn)
    return out


def _panel(window: Any, name: str, moves: int) -> dict[str, float]:
    """One panel alone in the window, as large as the window."""
    from ui import panels
    from ui.tour import settle

    for part in (*window._parts.values(), window.scrubber):
        part.hide()
    panel = panels.make(name, window.workspace)
    panel.setParent(window.centralWidget())
    panel.resize(800, 600)
    panel.show()
    settle(window, _PATIENCE)
    times = [_move(window, turn) for turn in path_of(window.workspace.cursor.last, moves)]
    panel.hide()
    window.workspace.pool.forget(id(panel))
    panel.setParent(None)
    panel.deleteLater()
    return summary(times)


def _whole(window: Any, moves: int) -> dict[str, float]:
    from ui.tour import settle

    for part in (*window._parts.values(), window.scrubber):
        part.show()
    window.set_layout("Debug")
    settle(window, _PATIENCE)
    return summary([_move(window, turn) for turn in path_of(window.workspace.cursor.last, moves)])


def _move(window: Any, turn: int) -> tuple[float, float]:
    """ms from the cursor's move until every visible panel has its answer and has painted; and ms of CPU of the process.

    On a machine that is busy with other things the second says what a quiet one would need.
    """
    from PySide6.QtCore import QCoreApplication, QEventLoop

    pool = window.workspace.pool
    begin, cpu = time.perf_counter(), time.process_time()
    window.workspace.cursor.go(turn)
    QCoreApplication.processEvents()  # the coalescing timer fires, requests go out
    while pool.busy:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
    QCoreApplication.processEvents()
    return (time.perf_counter() - begin) * 1000, (time.process_time() - cpu) * 1000


def summary(times: list[tuple[float, float]]) -> dict[str, float]:
    """Median, 95th percentile and worst of measurements in ms, and of the CPU's share of them."""
    out = {}
    for prefix, values in zip(("", "cpu_"), zip(*times, strict=True), strict=True):
        ordered = sorted(values)
        out[f"{prefix}median_ms"] = round(statistics.median(ordered), 2)
        out[f"{prefix}p95_ms"] = round(ordered[max(0, round(0.95 * len(ordered)) - 1)], 2)
        out[f"{prefix}max_ms"] = round(ordered[-1], 2)
    return out


def start() -> dict[str, Any]:
    """Seconds from the start of the process until the first window is painted, and until the sample run is shown."""
    import subprocess

    code = (
        "import time, sys; t = time.perf_counter(); c = time.process_time();"
        "from ui.application import application; app = application();"
        "from ui.settings import Settings; from ui.theme import theme; import tempfile, pathlib;"
        "theme.use('dark');"
        "from ui.window import MainWindow;"
        "w = MainWindow(Settings(pathlib.Path(tempfile.mkdtemp()) / 'w.ini')); w.show(); app.processEvents();"
        "print(time.perf_counter() - t); print(time.process_time() - c);"
        "heavy = [m for m in ('llama_cpp', 'chromadb', 'pyqtgraph', 'igraph', 'sklearn', 'scipy') if m in sys.modules];"
        "w.open_sample(); from ui.tour import settle; settle(w); print(time.perf_counter() - t);"
        "print(','.join(heavy));"
        "w.close()"
    )
    first, busy, shown, whole = [], [], [], []
    heavy = ""
    for _ in range(5):
        begin = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        whole.append(time.perf_counter() - begin)
        lines = done.stdout.split("\n")
        first.append(float(lines[0]))
        busy.append(float(lines[1]))
        shown.append(float(lines[2]))
        heavy = lines[3]
    return {
        "first_window_s": round(statistics.median(first), 3),
        "first_window_cpu_s": round(statistics.median(busy), 3),
        "sample_shown_s": round(statistics.median(shown), 3),
        "process_s": round(statistics.median(whole), 3),
        "heavy_modules_before_first_window": heavy.split(",") if heavy else [],
    }


if __name__ == "__main__":
    from ui.application import spare_what_stays

    spare_what_stays()  # as the program does
    sys.exit(main())
