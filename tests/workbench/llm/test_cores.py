"""Threads follow the cores that other programs leave."""

import os
from pathlib import Path

import pytest

from workbench.errors import UsageError
from workbench.llm import cores
from workbench.llm.cores import Cores, check_threads


class Machine:
    """Four cores, and a clock that somebody else turns."""

    def __init__(self) -> None:
        self.now, self.everybody, self.own = 100.0, 50.0, 5.0

    def runs(self, seconds: float, others: float, own: float) -> None:
        """Time goes by; so many cores are taken by others and by this process."""
        self.now += seconds
        self.everybody += seconds * (others + own)
        self.own += seconds * own


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(cores, "cpu_threads", lambda: 4)
    monkeypatch.setattr(cores, "_spent", lambda: (made.everybody, made.own))
    monkeypatch.setattr(cores.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    return made


def test_threads_are_what_others_leave(machine: Machine) -> None:
    free = Cores()
    assert free.free() == free.most == 4
    for others, own, left in ((0.1, 4.0, 4), (2.0, 1.0, 2), (4.0, 0.5, 1), (9.0, 0.0, 1), (0.0, 1.0, 4), (0.9, 3.0, 3)):
        machine.runs(2.0, others, own)
        assert free.free() == left


def test_it_looks_once_a_second(machine: Machine) -> None:
    free = Cores()
    machine.runs(0.2, 4.0, 0.0)
    assert free.free() == 4
    machine.runs(1.0, 4.0, 0.0)
    assert free.free() == 1


def test_a_fixed_number_stays(machine: Machine) -> None:
    fixed = Cores(3)
    machine.runs(5.0, 4.0, 0.0)
    assert fixed.free() == fixed.most == 3


@pytest.mark.parametrize("wanted", [0, -1, 5, 100_000])
def test_threads_that_the_machine_does_not_have_are_refused(machine: Machine, wanted: int) -> None:
    with pytest.raises(UsageError, match="this machine runs 1 to 4 at once"):
        check_threads(wanted)
    check_threads(4)
    check_threads(None)


def test_the_quota_of_a_container_counts(tmp_path: Path) -> None:
    for text, most in (("200000 100000", 2), ("max 100000", 0), ("50000 100000", 1), ("", 0), ("1 0", 0)):
        (tmp_path / "cpu.max").write_text(text)
        assert cores._quota(tmp_path) == most
    assert cores._quota(tmp_path / "none") == 0


def test_what_is_spent_is_read_from_the_machine() -> None:
    everybody, own = cores._spent()
    assert everybody > own > 0
