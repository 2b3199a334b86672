"""The attention panel over a long context: ``python -m tests.benchmarks.bench_attention [TOKENS …]``.

A run file of one answer is invented: random attention of 30 layers and 9 heads (SmolLM2-135M's) over 8,192 and 32,768
tokens and a span for every 40, as a summary that the program itself makes, and in full beside the file. Measured is the
processor time of the window's own thread, in ms, of the first picture once it is projected and of each way to look at
it (median and 95th percentile of ``--times``, painting included), the projections' beside it, and the process's memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

LAYERS, HEADS, ROWS, SPAN = 30, 9, 8, 40
_WORDS = (" the", " memory", " of", " what", " was", " said", ",", " and", " nothing", " else", " Oslo", ".", "\n")


def write_run(path: Path, tokens: int, full: bool = True) -> Path:
    """A run with one answer over so many tokens; ``full`` also puts its weights beside the file."""
    from workbench.llm.cells import CellMap
    from workbench.llm.summary import Summarizer
    from workbench.projections.attention import arrays_key
    from workbench.sessions.model import Probe, Session, Turn
    from workbench.trace import blobs
    from workbench.trace.events import Event, Kind
    from workbench.trace.reader import TraceReader
    from workbench.trace.side import SideArrays
    from workbench.trace.writer import TraceWriter

    rng, count = np.random.default_rng(0), tokens + ROWS
    cells = CellMap(count)
    cells.place(np.arange(count), np.arange(count))
    ranges = [(int(a), int(b)) for a, b in pairwise(np.linspace(8, tokens, tokens // SPAN + 1).astype(int))]
    summarizer = Summarizer(LAYERS, HEADS, ranges, cells)
    weights = np.zeros((LAYERS, HEADS, ROWS, count), np.float16)
    for row in range(ROWS):
        summarizer.begin(tokens - 1 + row)
        for layer in range(LAYERS):
            scores = np.exp(2 * rng.standard_normal((HEADS, 1, tokens + row), np.float32))
            scores /= scores.sum(-1, keepdims=True)
            summarizer(layer, scores)
            weights[layer, :, row, : tokens + row] = scores[:, 0]
    texts = [_WORDS[n] for n in rng.integers(0, len(_WORDS), count)]
    summary = summarizer.summary(texts, rng.integers(0, 49_000, count).tolist(), tokens, ROWS)
    arrays = {
        "mean": summary.mean, "peak": summary.peak, "mass": summary.mass, "rows": summary.rows, "ids": summary.ids,
        "texts": blobs.texts_array(summary.texts),
    }  # fmt: skip
    turns = tuple(Turn(n, "user", f"fact {n}") for n in range(len(ranges)))
    probe = Probe("p0", len(turns) - 1, "What was said?", ("Oslo",), "accurate_retrieval", (len(turns) // 2,))
    spans = [
        {"kind": "memory", "label": f"turn-{n}", "text": f"fact {n}", "items": [], "turns": [n], "tokens": list(r)}
        for n, r in enumerate(ranges)
    ]
    summed = {
        "layers": LAYERS, "heads": HEADS, "prompt": tokens, "spans": [list(r) for r in ranges],
        "starts": None if summary.starts is None else list(summary.starts), "kept": list(summary.kept),
        "blobs": {name: blobs.digest(array) for name, array in arrays.items()},
    }  # fmt: skip
    with TraceWriter(path) as writer:
        session = writer.add_session(Session("long", turns, (probe,)), "long")
        lane = writer.add_lane("full", "full", "full-cache", {})
        kinds: list[tuple[str, dict[str, Any]]] = [
            (Kind.RECALLED, {"query": probe.question, "k": 0, "hits": []}),
            (Kind.PACKED, {"budget": tokens, "tokens": tokens, "spans": spans, "dropped": []}),
            (Kind.ANSWERED, {"text": "Oslo", "tokens": [[t, -0.1] for t in texts[-ROWS:]], "prompt_tokens": tokens}),
            (Kind.SUMMED, summed),
            (Kind.SCORED, {"correct": True, "score": 1.0, "extracted": "Oslo", "competency": probe.competency}),
        ]
        events = [Event(session, lane, probe.after, n, kind, "p0", 0, data) for n, (kind, data) in enumerate(kinds, 1)]
        writer.append([*events, Event(session, lane, probe.after, 9, Kind.TURN_CLOSED)], arrays.values())
    if full:
        with TraceReader(path) as reader:
            event = next(e for e in reader.events(kinds=(Kind.SUMMED,)))
            SideArrays(path).put(arrays_key(event), weights)
    return path


def measured(path: Path, times: int) -> dict[str, Any]:
    """The figures of a run file."""
    import psutil
    from PySide6.QtCore import QEventLoop, QPointF, Qt, QTimer
    from PySide6.QtTest import QTest

    from ui.application import application
    from ui.panels import make
    from ui.state.workspace import Workspace

    application()
    space = Workspace()
    space.open(path)
    space.cursor.go(space.cursor.last)
    panel: Any = make("attention", space)
    panel.resize(900, 640)
    out: dict[str, Any] = {}

    def wait() -> None:
        """Until every answer is there, without a turn of the processor meanwhile."""
        loop = QEventLoop()
        QTimer.singleShot(1, loop.quit)  # what follows a move of the cursor begins with the next turn of the loop
        loop.exec()
        while space.pool.busy:
            space.pool.idle.connect(loop.quit, Qt.ConnectionType.SingleShotConnection)
            loop.exec()

    def act(what: Callable[[int], None], number: int) -> float:
        began = time.thread_time()
        what(number)
        wait()
        panel.grab()
        return 1000 * (time.thread_time() - began)

    def ways(name: str, what: Callable[[int], None]) -> None:
        spent = [act(what, n) for n in range(times)]
        out[name] = {"median": round(float(np.median(spent)), 1), "p95": round(float(np.percentile(spent, 95)), 1)}

    answered, arrived = panel._answered, list[float]()

    def note(answer: Any) -> None:
        arrived.append(time.thread_time())
        answered(answer)

    panel._answered = note
    whole = time.process_time()
    act(lambda _: panel.show(), 0)
    # Not from the click on: until its answer is there the thread only moves the bar that says so, as long as it takes.
    out["first picture, from the answer to painted"] = round(1000 * (time.thread_time() - arrived[0]))
    out["first picture, whole process"] = round(1000 * (time.process_time() - whole))
    area, strip = panel.map, panel.text
    rng = np.random.default_rng(1)
    count = len(panel.view.view.tokens)

    def at(widget: Any) -> Any:
        return QPointF(rng.uniform(60, widget.width() - 5), rng.uniform(30, max(widget.height() - 60, 31))).toPoint()

    ways("pointing at the map", lambda _: QTest.mouseMove(area, at(area)))
    ways("pointing at the text", lambda _: strip.pointed.emit(int(rng.integers(count))))
    ways("scrolling the text", lambda n: panel._scroll.verticalScrollBar().setValue(137 * n))
    ways("choosing an answer token", lambda n: space.selection.select(token=n % ROWS))
    ways("choosing a span", lambda n: panel._choose_band(n % len(panel.view.view.bands)))
    ways("zooming", lambda n: QTest.keyClick(area, Qt.Key.Key_Plus if n % 6 < 3 else Qt.Key.Key_Minus))
    ways("mean or maximum", lambda n: panel._choose_head(-1 - n % 2, -1 - n % 2))
    whole = time.process_time()
    ways("a layer and a head", lambda n: panel._choose_head(n % LAYERS, n % HEADS))
    out["a layer and a head, whole process"] = round(1000 * (time.process_time() - whole) / times, 1)
    panel.hide()
    panel.deleteLater()
    space.close()
    out["memory of the process, MiB"] = psutil.Process().memory_info().rss >> 20
    return out


def main() -> None:
    """Measure, each length in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokens", nargs="*", type=int, default=[8192, 32768])
    parser.add_argument("--times", type=int, default=60)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    figures = {}
    for tokens in options.tokens:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["MNEMOSCOPE_HOME"] = folder
            figures[f"{tokens:,} tokens"] = measured(write_run(Path(folder) / "run.mnemo", tokens), options.times)
    json.dump(figures, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
