"""The messages between the engine process and whoever started it. Bulk data goes through the trace, never over here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.engine.config import RunConfig
from workbench.sessions.model import Probe, Session


# To the engine.
@dataclass(frozen=True, slots=True)
class Start:
    """Run this; continues the file when it holds the same run.

    With ``sessions`` the configuration's session files are not read, and the model stays loaded for the next such run.
    """

    config: RunConfig
    paused: bool = False
    crash: Failed | None = None
    """How the engine before this one died; recorded in the trace by the one that goes on."""
    sessions: tuple[Session, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop before the next turn or probe of every lane."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Step:
    """While paused: let every lane do one more turn, then pause again."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the run; what was committed stays and the same Start goes on from there."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Leave the process."""


@dataclass(frozen=True, slots=True)
class Explain:
    """Prove why these answers are as they are; ``targets`` as (session, lane, probe)."""

    path: Path
    targets: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True, slots=True)
class KnockOut:
    """Leave every span of an answer's context out in turn; or, where any are named, mask these at once, in the given
    layers and heads (None: all)."""

    path: Path
    session: int
    lane: int
    probe: str
    spans: tuple[str, ...] = ()
    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class KnockHeads:
    """Mask a span of an answer's context (by its place among the memory's) in every layer and head in turn, and put
    what that does beside the run."""

    path: Path
    session: int
    lane: int
    probe: str
    span: int


@dataclass(frozen=True, slots=True)
class Branch:
    """Run a lane again from a turn with something changed; ``edits`` as ``workbench.branch.Edit.parse`` reads them."""

    path: Path
    session: int
    lane: str
    turn: int
    edits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """Take a branch out of the file again."""

    path: Path
    lane: str


@dataclass(frozen=True, slots=True)
class Annotate:
    """Attach a remark to an event."""

    path: Path
    seq: int
    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Keep a story in the run file; ``steps`` as ``workbench.trace.story.Step.to_json`` gives them."""

    path: Path
    steps: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Retrace:
    """Compute the attention of an answer in full again and put it beside the run file."""

    path: Path
    session: int
    lane: int
    probe: str


@dataclass(frozen=True, slots=True)
class Expect:
    """Compute surprise and entropy of a turn, or of an answer where a probe is named, and put them beside the run."""

    path: Path
    session: int
    lane: int
    turn: int = -1
    probe: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Say where the texts of a lane's items, and its queries, lie among each other."""

    path: Path
    session: int
    lane: int


@dataclass(frozen=True, slots=True)
class Reweave:
    """Compare the hidden states of a span of an answer's context (its tokens, half open) with those at its writing, and
    put that beside the run."""

    path: Path
    session: int
    lane: int
    probe: str
    tokens: tuple[int, int]


@dataclass(frozen=True, slots=True)
class WriteProbes:
    """Let a model write up to ``count`` probes for a session of a session file; they are kept beside the file."""

    path: Path
    session: str
    count: int
    model: str


# From the engine.
@dataclass(frozen=True, slots=True)
class Wrote:
    """The probes that were kept, and how many questions were not, by reason."""

    probes: tuple[Probe, ...]
    dropped: tuple[tuple[str, int], ...]
    cancelled: bool = False
    cut: int = 0
    """Answers that were cut off."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where texts lie.

    Attributes:
        embedder: as it names itself; ``dimensions`` of its vectors.
        shares: of the variance that the two components see.
        embeds: whether the memory itself asks for vectors; None where that is not known.
        places: by ``workbench.projections.embedding.key``: 12,000 texts are half a megabyte.
    """

    asked: Place
    embedder: str
    dimensions: int
    shares: tuple[float, ...]
    embeds: bool | None
    places: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Knocked:
    """What leaving each span out did; ``bars`` is a ``workbench.why.knockout.Bars``."""

    asked: KnockOut
    bars: Any


@dataclass(frozen=True, slots=True)
class Explained:
    """A verdict (``workbench.why.verdict.Verdict.to_row``); ``problem`` says why the file does not keep it."""

    verdict: dict[str, Any]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Branched:
    """A branch is there, by its lane's name."""

    lane: str


@dataclass(frozen=True, slots=True)
class Undone:
    """A branch is gone from the file; ``parent`` is the lane that it came from, by its name."""

    path: Path
    parent: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A question was dealt with, whatever came of it."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Something slow before the first turn: ``what`` is a line for the status bar."""

    what: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; ``device`` is what really computes. ``note`` says what of the run is not to be had of it."""

    model: str
    device: str
    path: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Steps (a turn or a probe of a lane) done of all; ``note`` says what was last done."""

    done: int
    total: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TraceAdvanced:
    """The trace has grown up to ``seq``; sent at most 30 times a second."""

    seq: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """What the engine is doing now."""

    state: Literal["running", "paused", "finished", "cancelled"]


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot go on. ``message`` is one line for a person, ``log`` the engine log's tail."""

    message: str
    log: str = ""
    crashed: bool = False
    signal: int = 0


Aside = Retrace | Expect | Reweave | KnockHeads
"""Questions whose answers lie beside the run file, which stays as it is."""
Question = Explain | KnockOut | Branch | Undo | Annotate | Tell | Aside | Place | WriteProbes
Command = Start | Pause | Resume | Step | Cancel | Shutdown | Question
Told = Explained | Knocked | Placed | Branched | Undone | Wrote | Answered
Report = Loading | Ready | Progress | TraceAdvanced | StateChanged | Failed | Told
