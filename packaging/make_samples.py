"""Writes the sample sessions: ``python packaging/make_samples.py [--check]``. Only the seeds below make them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from workbench.sessions.synthesis import generate  # noqa: E402

SAMPLES = {
    "accurate-retrieval": ("accurate-retrieval", 11, {"turns": 58, "probes": 12}),
    "test-time-learning": ("test-time-learning", 12, {"turns": 48, "labels": 6, "examples": 3, "probes": 12}),
    "long-range-understanding": ("long-range-understanding", 13, {"turns": 44, "probes": 12}),
    "conflict-resolution": ("conflict-resolution", 14, {"turns": 50, "probes": 12}),
    "mixed-long": ("mixed", 15, {"turns": 200, "people": 6, "probes": 28}),
}
"""File name: kind, seed, options."""


def texts() -> dict[str, str]:
    """The text of every sample file."""
    made = {}
    for name, (kind, seed, options) in SAMPLES.items():
        session = generate(kind, seed, **options)
        made[f"{name}.json"] = json.dumps(session.to_json(), indent=1, ensure_ascii=False) + "\n"
    return made


def main() -> int:
    """Write the files, or check that they are up to date; the exit code."""
    folder = ROOT / "sample_sessions"
    stale = []
    for name, text in texts().items():
        path = folder / name
        if "--check" in sys.argv[1:]:
            stale += [] if path.is_file() and path.read_text(encoding="utf-8") == text else [name]
        else:
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: {len(text)} bytes")
    if stale:
        print(f"out of date: {', '.join(stale)} - run python packaging/make_samples.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
