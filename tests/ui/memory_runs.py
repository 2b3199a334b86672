"""What tests of the memory panels share: a shown panel, pixels, a run with a long prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from tests.support.traces import _Lane
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Kind
from workbench.trace.writer import TraceWriter

Maker = Callable[..., Any]


def pixels(widget: QWidget) -> np.ndarray:
    """What a widget paints, uint8 ``[height, width, 3]``."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def colors(widget: QWidget) -> int:
    """How many different colours a widget paints."""
    return len(np.unique(pixels(widget).astype(np.int32) @ (1 << 16, 1 << 8, 1)))


def long_capture(path: Path, columns: int = 4096, heads: int = 8, bright: int = 3000, bins: bool = False) -> Path:
    """One probe whose prompt has ``columns`` tokens; layer 1 head 5 looks at token ``bright`` and nothing else does."""
    turn = Turn(0, "user", "The code word is kelp.")
    session = Session(
        "long", (turn,), (Probe("p0", 0, "What is the code word?", ("kelp",), "accurate_retrieval", (0,)),)
    )
    width = columns // 4 if bins else columns
    weights = np.full((2, heads, 2, width), 1e-4, np.float16)
    weights[1, 5, :, bright // 4 if bins else bright] = 0.9
    with TraceWriter(path) as writer:
        lane = _Lane(writer.add_session(session, "long"), writer.add_lane("full", "full", "full-cache", {}))
        lane.log(0)
        lane.emit(Kind.RECALLED, "p0", {"query": "What is the code word?", "k": 0, "hits": []})
        half = columns // 2
        spans = [
            {"kind": "memory", "label": "turn 0", "text": "x", "items": [], "turns": [0], "tokens": [4, half]},
            {"kind": "question", "label": "question", "text": "?", "items": [], "turns": [], "tokens": [half, columns]},
        ]
        lane.emit(Kind.PACKED, "p0", {"budget": 9000, "tokens": columns, "spans": spans, "dropped": []})
        lane.emit(
            Kind.ANSWERED, "p0", {"text": "kelp", "tokens": [["ke", -0.1], ["lp", -0.1]], "prompt_tokens": columns}
        )
        captured = {
            "blob": blobs.digest(weights),
            "layers": [0, 9],
            "heads": heads,
            "tokens": [f"t{i} " for i in range(columns)],
        }
        lane.emit(Kind.CAPTURED, "p0", captured | {"bins": list(range(0, columns, 4)) if bins else None})
        lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 0})
        writer.append(lane.events, [weights])
    return path
