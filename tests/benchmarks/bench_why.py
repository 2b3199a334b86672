"""From a click on a wrong answer to its cause on screen: ``python -m tests.benchmarks.bench_why [FILE] [--proofs N]``.

Prints medians and 95th percentiles in ms: without proof over every wrong answer of the file's first session, and with
proof (*Prove*, in the engine's process) over the first ones; the first proof starts the process and loads the model.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench import paths

_LONGEST = 120_000  # ms that anything is waited for


def until(panel: Any, holds: Callable[[], bool]) -> float:
    """Let the window work until the panel shows what is waited for; the ms it took."""
    from PySide6.QtCore import QEventLoop, QTimer

    began, loop = time.perf_counter(), QEventLoop()
    limit = QTimer(singleShot=True, interval=_LONGEST)
    limit.timeout.connect(loop.quit)
    limit.start()

    def look() -> None:
        if holds():
            loop.quit()

    panel.shown.connect(look)
    if not holds():
        loop.exec()
    panel.shown.disconnect(look)
    if not holds():
        raise TimeoutError("the panel does not show it")
    panel.grab()
    return 1000 * (time.perf_counter() - began)


def measured(path: Path, proofs: int) -> dict[str, Any]:
    """The figures of a run file, which gets the verdicts."""
    from ui.application import application
    from ui.tour import settle
    from ui.window import MainWindow
    from workbench.projections.why import WhyView
    from workbench.trace.reader import TraceReader
    from workbench.why.explaining import failed

    app = application()
    with TraceReader(path) as reader:
        wrong = [t for t in failed(reader) if t.session == 1]
    window = MainWindow()
    window.resize(1280, 720)
    window.show()
    window.open(path)
    window.show_panel("why")
    panel = window.inspector.panel

    def shows(lane: int, probe: str) -> bool:
        view = panel.view
        return isinstance(view, WhyView) and (view.lane, view.probe.id) == (lane, probe)

    def click(lane: int, probe: str) -> float:
        settle(window)
        window.workspace.explain(lane, probe)
        return until(panel, lambda: shows(lane, probe))

    def all_after(lane: int, probe: str) -> tuple[float, float, float, float]:
        """ms from the click: until the cause is there, until every panel is; and of processor."""
        settle(window)
        began, cpu = time.perf_counter(), time.process_time()
        window.workspace.explain(lane, probe)
        cause = until(panel, lambda: shows(lane, probe))
        first = time.process_time()
        settle(window)
        whole = 1000 * (time.perf_counter() - began)
        return cause, whole, 1000 * (first - cpu), 1000 * (time.process_time() - cpu)

    def prove(lane: int, probe: str) -> float:
        click(lane, probe)
        panel.prove.click()
        return until(panel, lambda: shows(lane, probe) and panel.view.verdict.confirmed is not None)

    click(wrong[-1].lane, wrong[-1].probe)  # whatever is only done once
    clicks, panels, spent, spent_by_all = zip(*(all_after(t.lane, t.probe) for t in wrong), strict=True)
    first, *more = [prove(t.lane, t.probe) for t in wrong[: proofs + 1]]
    window.close()
    app.processEvents()  # type: ignore[attr-defined]
    return {
        "wrong answers": len(wrong),
        "without proof": _spread(clicks) | {"processor": _spread(spent)},
        "every panel": _spread(panels) | {"processor": _spread(spent_by_all)},
        "with proof": _spread(more) | {"first": round(first)},
        "load": os.getloadavg()[0],
    }


def _spread(ms: Sequence[float]) -> dict[str, float]:
    return {"n": len(ms), "median": round(float(np.median(ms)), 1), "p95": round(float(np.percentile(ms, 95)), 1)}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=paths.sample_sessions() / "mixed-long.mnemo")
    parser.add_argument("--proofs", type=int, default=12)
    options = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MNEMOSCOPE_HOME"] = folder
        path = Path(shutil.copy(options.file, Path(folder) / "run.mnemo"))
        json.dump(measured(path, options.proofs), sys.stdout, indent=2)
        print()


if __name__ == "__main__":
    main()
