"""How many threads llama.cpp should use: as many cores as are free for this process, looked at while it runs.

llama.cpp's threads wait for each other at every operation, and one that shares its core with another program holds up
all of them: two threads beside two busy programs take several times as long as one.
"""

from __future__ import annotations

import os
import platform
import time
from functools import cache
from pathlib import Path

from workbench.errors import UsageError

_EVERY = 1.0  # seconds between two looks
_ROUND = 0.35  # of a core that others may use while it still counts as free


class Cores:
    """Threads to use now.

    Args:
        wanted: a fixed number; None for the cores that are free, at most the physical ones.

    Raises:
        UsageError: for a number that this machine cannot run at once.
    """

    def __init__(self, wanted: int | None = None) -> None:
        check_threads(wanted)
        self.most = wanted or cpu_threads()
        self.fixed = wanted is not None
        self._now, self._looked = self.most, 0.0
        self._before: tuple[float, float, float] | None = None  # time, seconds of all processes, seconds of this one
        self._look()

    def free(self) -> int:
        """Threads for the next batch, from 1 to ``most``."""
        if not self.fixed and self.most > 1 and time.monotonic() - self._looked >= _EVERY:
            self._look()
        return self._now

    def _look(self) -> None:
        now = (time.monotonic(), *_spent())
        if self._before is not None and now[0] > self._before[0]:
            took, everybody, own = (a - b for a, b in zip(now, self._before, strict=True))
            others = max(0.0, everybody - own) / took
            idle = (os.cpu_count() or 1) - others + _ROUND
            self._now = max(1, min(self.most, int(idle)))
        self._before, self._looked = now, now[0]


def _spent() -> tuple[float, float]:
    """Seconds of processor time that all processes and this one have taken."""
    import psutil

    times, own = psutil.cpu_times(), os.times()
    waiting = times.idle + getattr(times, "iowait", 0.0)
    # What guests take is part of user and nice; what the host kept back is nobody's here, but not free either.
    counted = sum(times) - waiting - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return counted, own.user + own.system


def check_threads(wanted: int | None) -> None:
    """Refuse a number of threads that this machine cannot run at once.

    Raises:
        UsageError: saying how many it can.
    """
    most = os.cpu_count() or 1
    if wanted is not None and not 1 <= wanted <= most:
        what = f"{wanted:,} threads cannot be used"
        raise UsageError(what, f"this machine runs 1 to {most} at once" if most > 1 else "this machine runs 1 at once")


@cache
def cpu_threads() -> int:
    """Physical cores that this process may use; hyper-threads slow llama.cpp down. A container's quota counts."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(allowed, _physical_cores() or allowed, _quota() or allowed))


def _quota(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Processors that a container's quota amounts to; 0 for none."""
    try:
        most, period = (root / "cpu.max").read_text("utf-8").split()
        return 0 if most == "max" else max(1, round(int(most) / int(period)))
    except (OSError, ValueError, ZeroDivisionError):
        return 0


def _physical_cores() -> int:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        logical = os.cpu_count() or 1
        return logical if platform.machine() in ("arm64", "aarch64") else max(1, logical // 2)
    cores, physical = set(), "0"
    for line in info.read_text("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "physical id":
            physical = value.strip()
        elif key.strip() == "core id":
            cores.add((physical, value.strip()))
    return len(cores)
