"""The samples that ship with the program: recorded runs first, then sessions that can be replayed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench import paths

TITLES = {
    "mixed-long": "Toy English, 200 turns",
    "repair-cafe": "Natural English, six weeks of a small project",
    "accurate-retrieval": "Toy English: accurate retrieval",
    "test-time-learning": "Toy English: test-time learning",
    "long-range-understanding": "Toy English: long-range understanding",
    "conflict-resolution": "Toy English: conflict resolution",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """A run or a session that ships."""

    title: str
    path: Path

    @property
    def recorded(self) -> bool:
        """Whether it is a recorded run, which opens at once."""
        return self.path.suffix == ".mnemo"


def samples() -> list[Sample]:
    """Every sample; a session that has a recorded run is left out."""
    folder = paths.sample_sessions()
    runs = sorted(folder.glob("*.mnemo"))
    known = {path.stem for path in runs}
    sessions = [path for path in sorted(folder.glob("*.json")) if path.stem not in known]
    found = [Sample(_title(path), path) for path in runs]
    return found + [Sample(f"{_title(path)} (replay it)", path) for path in _ordered(sessions)]


def sample_run() -> Path | None:
    """The recorded run that ships with the program, or None when there is none."""
    return next((one.path for one in samples() if one.recorded), None)


def is_sample(path: Path) -> bool:
    """Whether a run lies among the samples."""
    return path.resolve().parent == paths.sample_sessions().resolve()


def folder_for(path: Path) -> Path:
    """Where what is made of a run is offered to be saved: beside it, or in one's documents where it ships with us."""
    from PySide6.QtCore import QStandardPaths

    if not is_sample(path):
        return path.parent
    own = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    return own if own.is_dir() else Path.home()


@cache  # what ships does not change while the program runs
def other_sample(opened: Path | None) -> Sample | None:
    """The next recorded sample after the one that is open; None where that is no sample, or the only one."""
    runs = [one for one in samples() if one.recorded]
    here = next(
        (i for i, one in enumerate(runs) if opened is not None and one.path.resolve() == opened.resolve()), None
    )
    return None if here is None or len(runs) < 2 else runs[(here + 1) % len(runs)]


def _title(path: Path) -> str:
    return TITLES.get(path.stem, path.stem.replace("-", " "))


def _ordered(paths: list[Path]) -> list[Path]:
    places = list(TITLES)
    return sorted(paths, key=lambda p: places.index(p.stem) if p.stem in places else len(places))
