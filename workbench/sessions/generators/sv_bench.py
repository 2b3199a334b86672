"""SVBench (arXiv 2502.10810): chains of questions with temporal links, asked while the stream goes on."""

from __future__ import annotations

from workbench.sessions.generators import pools
from workbench.sessions.generators.base import Generator, Job, Writer

_SEEN = (
    "Scene {n}: a {animal} crosses the yard, followed by someone with a {colour} {thing}.",
    "Scene {n}: someone sets down a {colour} {thing}; a {animal} watches.",
    "Scene {n}: next to a {colour} {thing} a {animal} has fallen asleep.",
)


def _make(job: Job) -> None:
    w = job.writer()
    scenes: list[tuple[str, str, str, int]] = []
    chain = 0
    while True:
        n = len(scenes) + 1
        scene = (w.r.choice(pools.ANIMALS), w.r.choice(pools.COLOURS), w.r.choice(pools.OBJECTS))
        text = w.r.choice(_SEEN).format(n=n, animal=scene[0], colour=scene[1], thing=scene[2])
        if not w.fits(text) and len(scenes) >= job["segment"]:
            break
        scenes.append((*scene, w.say(text)))
        if n % job["segment"] == 0:
            chain += 1
            _chain(w, scenes, chain, job["segment"])


def _chain(w: Writer, scenes: list[tuple[str, str, str, int]], chain: int, segment: int) -> None:
    """Four questions right after a segment: now, then what led there, and what an earlier chain was about."""
    now = scenes[-1]
    before = scenes[-2] if len(scenes) > 1 else now
    n = len(scenes)
    linked = scenes[max(0, n - 1 - segment)]
    asked = (
        ("Which animal is in the newest scene?", now[0], now),
        ("And which colour has the thing in that newest scene?", now[1], now),
        ("What thing was there in the scene right before the newest one?", before[2], before),
        (f"Think back {segment if n > segment else n - 1} scenes from the newest one: which animal was there?",
         linked[0], linked),
    )  # fmt: skip
    for step, (question, gold, scene) in enumerate(asked, 1):
        extra = {"chain": chain, "step": step, "back": n - 1 - scenes.index(scene), "scene": n}
        w.ask(question, [gold], "accurate_retrieval", [scene[3]], w.last, id=f"c{chain}-{step}", extra=extra)


GENERATOR = Generator(
    "sv-bench",
    "SVBench",
    "SVBench, arXiv 2502.10810",
    "in the style of",
    "scenes in words in place of video; a chain's questions are asked one by one, each without the answers before it",
    "A stream of scenes; after every segment a chain of questions that leads back in time.",
    {"segment": 6},
    _make,
    {"segment": (2, 100)},
)
