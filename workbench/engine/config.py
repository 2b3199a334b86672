"""What a run is made of; stored in the trace, so that the same command can go on with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.discreet import place_name
from workbench.errors import UsageError
from workbench.memory import shelf
from workbench.reading import Reader, Requests


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Sessions x lanes on one model.

    Attributes:
        sessions: session files, any supported format.
        lanes: lane SPECs.
        model: ``demo`` or the path of a GGUF.
        embedder: ``minilm``, ``hash`` or the path of an embedding GGUF.
        capture: what is kept of the attention of answers: ``answers`` a summary of each (the rest can be computed
            again), ``full`` the arrays as well, ``off`` nothing. The answers are the same.
        reader: who answers probes: ``model``, or a rule without a model (``workbench.reading``).
        exact: one sequence at a time; bit-identical from run to run.
        out: the run file; None derives it from the first session's name.
        context: tokens per sequence; None lets the backend choose.
        threads: CPU threads; None uses the physical cores.
        prompts: ``plain``, ``full`` or a folder of a person's own prompts; empty lets the model decide.
        temperature: of memory operations; 0 is greedy. Answers are always greedy.
        thinking: tokens that a thinking model may think aloud before it answers; 0: it is told not to.
        read: options of the session files' readers, as ``(("chunk", "code"),)``; ``map`` is what a table's columns are,
            in JSON.
        requests: how questions about one context follow one another (``workbench.reading.Requests``).
        only: names of the sessions to replay when the files hold more; empty for all.
        chroma: ``http://HOST:PORT`` of a Chroma server for the vector indexes, or ``memory`` for one in this process;
            empty searches them row by row.
    """

    sessions: tuple[Path, ...]
    lanes: tuple[str, ...]
    model: str = "demo"
    embedder: str = "minilm"
    seed: int = 0
    capture: Literal["off", "answers", "full"] = "answers"
    reader: Reader = "model"
    exact: bool = False
    out: Path | None = None
    context: int | None = None
    threads: int | None = None
    only: tuple[str, ...] = ()
    prompts: str = ""
    temperature: float = 0.0
    thinking: int = 0
    read: tuple[tuple[str, str], ...] = ()
    requests: Requests = "separate"
    chroma: str = ""

    @property
    def path(self) -> Path:
        """Where the trace is written."""
        return self.out or Path.cwd() / f"{self.sessions[0].stem}.mnemo"

    def check(self) -> None:
        """Raise ``UsageError`` for a figure that no run can have."""
        figures: dict[str, tuple[float | None, float, float]] = {
            "--context": (self.context, 1, 1 << 24),
            "--seed": (self.seed, 0, (1 << 32) - 1),
            "--temperature": (self.temperature, 0, 100),
            "--thinking": (self.thinking, 0, 1 << 20),
        }
        for name, (value, least, most) in figures.items():
            if value is not None and not least <= value <= most:
                raise UsageError(f"{name} {value} is out of range", f"choose from {least:,} to {most:,}")
        if self.chroma:
            shelf.check(self.chroma)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the run file: names, and no folder, user or host of this machine."""
        plain = {"sessions": [place_name(s) for s in self.sessions], "lanes": list(self.lanes), "only": list(self.only)}
        named = {key: place_name(getattr(self, key)) for key in ("model", "embedder", "prompts")}
        asked: dict[str, Any] = {
            "read": {key: value if key == "map" else place_name(value) for key, value in self.read}
        }
        asked |= {
            "out": place_name(self.path),
            "chroma": self.chroma if self.chroma in ("", shelf.MEMORY) else "server",
        }
        return asdict(self) | plain | named | asked
