"""Run files with the attention of several lanes on one probe, made by hand: what differs between them is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.support.traces import _Lane
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace import blobs
from workbench.trace.events import Kind
from workbench.trace.writer import TraceWriter

TOKENS = ("<s>", "a", "b", "c", "d", "?", "x")
BANDS = (("turn-0", 0, (1, 3)), ("turn-1", 1, (3, 5)))


def two_captures(path: Path) -> Path:
    """Lanes 1 to 3 answer p0 with two layers and two heads, lane 4 with three layers. Of their attention, lane 1 has
    .5 on turn 1 (the evidence) in layer 1 head 0 and .2 everywhere else; lane 2 has .1 everywhere, on the same prompt;
    lane 3 has another context without turn 1."""
    probe = Probe("p0", 1, "Where?", ("Oslo",), "accurate_retrieval", (1,))
    session = Session("s", (Turn(0, "user", "old", "A"), Turn(1, "user", "Oslo", "A")), (probe,))
    with TraceWriter(path) as writer:
        number = writer.add_session(session, "s")
        for name, layers, share, peak in (("full", 2, 0.2, 0.5), ("near", 2, 0.1, 0.1), ("far", 2, 0.1, 0.1),
                                          ("deep", 3, 0.1, 0.1)):  # fmt: skip
            weights = np.zeros((layers, 2, 1, len(TOKENS)), np.float16)
            weights[..., 3] = share
            weights[1, 0, :, 3] = peak
            weights[..., 1] = 0.25
            weights[..., 0] = 0.75 - weights[..., 3]
            lane = _Lane(number, writer.add_lane(name, name, "full-cache", {}), 1)
            shown = BANDS[:1] if name == "far" else BANDS
            spans = [
                {"kind": "turn", "label": label, "text": label, "items": [], "turns": [turn], "tokens": list(where)}
                for label, turn, where in shown
            ]
            lane.emit(Kind.RECALLED, "p0", {"query": "Where?", "k": 2, "hits": []})
            lane.emit(Kind.PACKED, "p0", {"budget": 9, "tokens": 6, "spans": spans, "dropped": []})
            lane.emit(Kind.ANSWERED, "p0", {"text": name, "tokens": [["x", -0.1]], "prompt_tokens": 6, "stop": "end"})
            tokens = [*TOKENS[:3], "!", *TOKENS[4:]] if name == "far" else list(TOKENS)
            captured = {"blob": blobs.digest(weights), "layers": list(range(layers)), "heads": 2, "tokens": tokens}
            lane.emit(Kind.CAPTURED, "p0", captured | {"bins": None})
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": 0})
            writer.append(lane.events, [weights])
    return path
