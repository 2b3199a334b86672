"""VideoLLaMB: scenes cut where similarity drops, and recurrent bridges of memory between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.memory import prompts, schemas
from workbench.memory.base import Fidelity, MemoryStrategy, Mind, Recall, Span, above
from workbench.memory.items import Item
from workbench.memory.lines import told
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import Scored, Vectors, carried, cut, fitting, hits, room, sentences
from workbench.memory.replies import ask
from workbench.sessions.model import Turn

FRAME, BRIDGE = "frame", "bridge"


@dataclass
class VideoLLaMB(MemoryStrategy):
    """Tile the session into scenes where neighbouring turns stop being similar; a bridge of memory joins the scenes.

    Turns take the place of frames. The similarity of each to the one before is a curve; the depth of a dip is how far
    the nearest peaks to its left and right rise above it, and a scene ends at the deepest dip that is more than
    mean + ``alpha`` standard deviations of the last ``history`` depths, or when it is full. The frames of the ended
    scene are summarised together with the bridge before it and those that it recalls (one call per scene) into the
    next bridge, and are let go; their vectors stay the bridge's memory tokens, by which it is found. A question reads
    the nearest bridges and the open scene. A scene that cannot be summarised is kept word for
    word.

    VideoLLaMB, arXiv 2409.01071.

    Attributes:
        alpha: how deep a boundary is, in standard deviations.
        scene_min, scene_max: frames of a scene.
        history: frames over which depths are judged.
        recalled: bridges that a scene recalls, the one before it among them.
        k: bridges that a question reads.
    """

    name: ClassVar[str] = "video-llamb"
    title: ClassVar[str] = "VideoLLaMB"
    fidelity: ClassVar[Fidelity] = "emulated"
    paper: ClassVar[str] = "VideoLLaMB, arXiv 2409.01071"
    differs: ClassVar[str] = (
        "Turns and their sentence vectors instead of video frames; bridges are summaries in words instead of trained "
        "memory tokens; scenes are tiled while the session streams, a few frames late."
    )

    alpha: float = 0.5
    scene_min: int = above(1, 2)
    scene_max: int = 16
    history: int = 64
    recalled: int = 2
    k: int = 6
    _vectors: Vectors = field(default_factory=Vectors, init=False, repr=False, compare=False)

    async def observe(self, turn: Turn, mind: Mind, log: MemoryLog) -> None:
        """Add the turn to the open scene; end the scene where its similarity drops."""
        if not turn.text.strip():
            return
        for piece in cut(turn.said, room(mind, 384, 0.3), mind.count_tokens):
            await self._add(piece, mind, log)

    async def _add(self, piece: str, mind: Mind, log: MemoryLog) -> None:
        frames = [i for i in log.state.items.values() if i.kind == FRAME]
        similarity = 1.0
        if frames:
            similarity = float((await self._vectors.cosines(mind, piece, [frames[-1].text]))[0])
        log.write(piece, FRAME, similarity=round(similarity, 5))
        scene = log.state.active(FRAME)
        at = self._boundary(scene, [i.fields["similarity"] for i in frames[1:]] + [similarity] * bool(frames), log)
        if at == 0 and sum(mind.count_tokens(i.text) for i in scene) > room(mind, 384, 0.6):
            at = len(scene) - 1
        if at:
            await self._close(scene[:at], mind, log)

    def _boundary(self, scene: Sequence[Item], similarities: Sequence[float], log: MemoryLog) -> int:
        """How many frames of the open scene belong to a scene that has ended; 0 for none."""
        window = list(similarities[-max(self.history, self.scene_max + 1) :])
        if len(scene) > self.scene_max:
            return self.scene_max
        inside = range(self.scene_min, len(scene) - self.scene_min + 1)
        if len(window) < 3 or not inside:
            return 0
        found = depths(window)
        threshold = float(found.mean() + self.alpha * found.std())
        deepest = max(inside, key=lambda n: found[n - len(scene)])
        depth = float(found[deepest - len(scene)])
        ends = depth > threshold
        curve = {"similarity": window[-1], "depth": round(depth, 4), "threshold": round(threshold, 4)}
        log.note("scene", curve | {"boundary": scene[deepest].id if ends else ""})
        return deepest if ends else 0

    async def _close(self, scene: Sequence[Item], mind: Mind, log: MemoryLog) -> None:
        texts = [i.text for i in scene]
        bridges = log.state.active(BRIDGE)
        scores = await self._vectors.cosines(mind, " ".join(texts), [i.index_text for i in bridges])
        order = [len(bridges) - 1, *np.argsort(-scores, kind="stable").tolist()] if bridges else []
        near = [bridges[n] for n in list(dict.fromkeys(order))[: max(1, self.recalled)]]
        near = near[: len(fitting([i.text for i in near], room(mind, 384, 0.3), mind.count_tokens))]
        plain = prompts.summarise([*(i.text for i in near), *texts])
        schema = schemas.fields(summary=schemas.text("the bridge"))
        before, lines = [told(i) for i in near], [told(i) for i in scene]
        operation = self.operation("bridge", plain, schema=schema, bridges=before, scene=lines)
        reply = await ask(mind, log, operation)
        summary, cause = (reply["summary"], reply.cause) if reply else ("", 0)
        own = sorted({t for i in scene for t in i.turns})
        known = [(s, i.turns) for i in near for s in sentences(i.text)]
        turns = {t for _, origin in carried(summary, known, own) for t in origin} | set(own)
        fields = {"frames": [i.id for i in scene], "summarised": bool(summary)}
        bridge = log.write(summary or " ".join(texts), BRIDGE, turns, cause=cause, **fields)  # type: ignore[arg-type]
        for other in near:
            log.link(bridge.id, other.id, "recalled", cause=cause)
        if bridges:
            log.link(bridge.id, bridges[-1].id, "after", cause=cause)
        for item in scene:
            log.evict(item.id, reason=f"the scene is over: see {bridge.id}", cause=cause)

    async def _score(self, query: str, item: Item, mind: Mind, log: MemoryLog) -> float:
        """How near an item is: a frame by its text, a bridge by the nearest of its summary and its scene's frames."""
        texts = [item.index_text, *(log.state[f].text for f in item.fields.get("frames", ()))]
        return float((await self._vectors.cosines(mind, query, texts)).max())

    async def recall(self, query: str, mind: Mind, log: MemoryLog) -> Recall:
        """The nearest bridges in order, then the open scene."""
        bridges, scene = log.state.active(BRIDGE), log.state.active(FRAME)
        items = [*bridges, *scene]
        scores = [await self._score(query, i, mind, log) for i in items]
        best = set(sorted(range(len(bridges)), key=lambda n: -scores[n])[: self.k])
        spans, scored = [], list[Scored]()
        for n, item in enumerate(items):
            is_open = n >= len(bridges)
            scored.append((item.id, scores[n], is_open or n in best, {"cosine": scores[n], "open": float(is_open)}))
            if is_open or n in best:
                spans.append(Span(item.text, (item.id,), item.turns, item.kind, priority=scores[n] + 2 * is_open))
        return Recall(tuple(spans), hits(scored), self.k)


def depths(similarities: Sequence[float]) -> NDArray[np.float64]:
    """Depth of each dip: the mean of how far the nearest peaks to its left and right rise above it.

    From a place one climbs to either side for as long as the curve does not fall (``self_segment.py`` of VideoLLaMB, as
    in TextTiling).
    """
    curve = np.asarray(similarities, np.float64)
    left, right = curve.copy(), curve.copy()
    for n in range(1, len(curve)):
        if curve[n - 1] >= curve[n]:
            left[n] = left[n - 1]
    for n in range(len(curve) - 2, -1, -1):
        if curve[n + 1] >= curve[n]:
            right[n] = right[n + 1]
    out: NDArray[np.float64] = (left + right) / 2 - curve
    return out
