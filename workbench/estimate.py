"""What a run will cost, before it starts: model calls and tokens of every lane, and the time where the speed is known.

Calls follow from the method (``docs/costs.md``, asserted by ``tests/workbench/memory/test_costs.py``), tokens from the
session's length and the length of the prompts. Both are estimates: what a model finds to store decides the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from workbench import paths
from workbench.lanes import LaneSpec
from workbench.sessions.model import Session

BYTES_PER_TOKEN = 4
"""Of UTF-8, about what the tokenizers of today's models make of prose."""
_PLAIN, _FULL = 60, 600  # tokens of an operation's fixed words, in the two prompt sets, where no file says it
_SHOWN = 4  # texts of a turn's length that an operation reads: the turn and what it is compared with
_WRITTEN, _ANSWER = 80, 24  # tokens of an operation's output and of an answer
_QUESTION = 80  # tokens of the answer prompt's fixed words and the question

CALLS: dict[str, tuple[float, float]] = {
    "a-mem": (2.0, 1),
    "memgas": (0.2, 1),
    "tool2vec": (1.0, 0),
    "mem0": (1.5, 0),
    "mem0-v3": (1.0, 0),
    "mem0-graph": (3.3, 1),
    "memory-r1": (1.5, 1),
    "lightmem": (0.4, 0),
    "memos": (1.3, 3),
    "memoryos": (0.8, 0),
    "mirix": (2.5, 1),
    "letta": (2.7, 1),
    "think-in-memory": (1.4, 0),
    "caim": (0.4, 3),
    "expe-repair": (0.5, 0),
    "chem-agent": (0.8, 1),
    "mem1": (1.0, 0),
    "sculptor": (0.8, 2),
    "l2mac": (1.9, 1),
    "tim": (0.2, 0),
    "tme-tree": (0.9, 0),
    "tme-dag": (1.2, 0),
    "hmt": (0.2, 0),
    "m3-agent": (1.0, 5),
    "spatial": (1.0, 0),
    "video-llamb": (0.2, 0),
}
"""Model calls a turn and a question by method; the others make none. Those of a method from outside are not known."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost, about.

    Attributes:
        turns, probes: of the sessions together.
        calls: model calls of memory operations and answers, over all lanes.
        prompt, output: tokens that the model reads and writes; what a prefix cache saves is not taken off.
        unknown: lanes whose own calls nobody can know beforehand; their answers alone are counted.
    """

    turns: int
    probes: int
    calls: int
    prompt: int
    output: int
    unknown: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt + self.output


def estimate(sessions: Iterable[Session], lanes: Sequence[LaneSpec], full: bool, context: int = 8192) -> Estimate:
    """What these lanes cost on these sessions.

    Args:
        full: whether the methods' own prompts are sent, not the bundled model's one-liners.
        context: tokens of the model's context: no prompt is longer.
    """
    read = list(sessions)
    calls = prompt = output = 0
    for session in read:
        lengths = [_tokens(turn.text) for turn in session.turns]  # once for all lanes: sessions have thousands of turns
        said = _so_far(lengths)
        for lane in lanes:
            own = _lane(session, said, lane, full, context)
            calls, prompt, output = calls + own[0], prompt + own[1], output + own[2]
    unknown = tuple(lane.name for lane in lanes if not _known(lane))
    return Estimate(sum(len(s.turns) for s in read), sum(len(s.probes) for s in read), calls, prompt, output, unknown)


def calls(memory: str) -> tuple[float, float] | None:
    """Model calls a turn and a question of a method; None where they are not known."""
    from workbench.memory.controls import CONTROLS
    from workbench.memory.registry import STRATEGIES

    return CALLS.get(memory, (0.0, 0.0)) if memory in STRATEGIES or memory in CONTROLS else None


def _known(lane: LaneSpec) -> bool:
    return calls(lane.memory) is not None


def _lane(session: Session, said: Sequence[int], lane: LaneSpec, full: bool, context: int) -> tuple[int, int, int]:
    """Calls, tokens read and tokens written; ``said``: tokens of the first 0, 1, 2, … turns together."""
    a_turn, a_question = calls(lane.memory) or (0.0, 0.0)
    turns = len(session.turns)
    mean = said[-1] / max(1, turns)
    own = round(a_turn * turns + a_question * len(session.probes))
    prompt = own * min(context, _fixed(lane.memory, full) + _SHOWN * mean)
    for probe in session.probes:
        at = min(turns, probe.after + 1)
        prompt += min(context, _QUESTION + _tokens(probe.question) + _packed(lane, said[at], mean))
    answers = len(session.probes)
    return own + answers, round(prompt), own * _WRITTEN + answers * _ANSWER


def _packed(lane: LaneSpec, said: int, mean: float) -> float:
    """Tokens of a question's context: all that was said, the last turns, or the hits."""
    if lane.memory in ("full", "no-memory", "oracle"):
        return {"full": float(said), "no-memory": 0.0}.get(lane.memory, 2 * mean)
    params: Mapping[str, object] = lane.strategy().parameters()
    hits = params.get("k") or params.get("turns") or 10
    return min(float(said), mean * (hits if isinstance(hits, int) else 10))


def _so_far(lengths: Sequence[int]) -> list[int]:
    found = [0]
    for length in lengths:
        found.append(found[-1] + length)
    return found


def _tokens(text: str) -> int:
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


@cache
def _fixed(memory: str, full: bool) -> int:
    """Tokens of the words that stand in every prompt of a method's operations, in the mean."""
    if not full:
        return _PLAIN
    sizes = [file.stat().st_size for file in (paths.resources() / "prompts" / memory).glob("*.md")]
    return sum(sizes) // len(sizes) // BYTES_PER_TOKEN if sizes else _FULL
