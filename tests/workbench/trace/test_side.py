"""Arrays beside a run file: found again, bounded, never trusted."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from workbench.trace.side import SideArrays

KEY = "0123456789abcdef"


def test_what_is_kept_is_found_again_by_anyone(tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.float16).reshape(3, 4)
    SideArrays(tmp_path / "run.mnemo").put(KEY, array)
    assert np.array_equal(SideArrays(tmp_path / "run.mnemo").get(KEY), array)  # type: ignore[arg-type]
    assert SideArrays(tmp_path / "other.mnemo").get(KEY) is None
    mapped = SideArrays(tmp_path / "run.mnemo").mapped(KEY)
    assert isinstance(mapped, np.memmap) and np.array_equal(mapped, array)


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    side = SideArrays(tmp_path / "run.mnemo", most=3_000)
    for number in range(3):
        side.put(f"{number:08x}", np.zeros(1000, np.uint8))
        os.utime(side.folder / f"{number:08x}.npy", (number, number))
    assert side.get(f"{0:08x}") is None and side.get(f"{1:08x}") is not None  # which makes it the newest
    side.put(f"{3:08x}", np.zeros(1000, np.uint8))
    assert [side.get(f"{n:08x}") is not None for n in range(4)] == [False, True, False, True]
    side.put(f"{4:08x}", np.zeros(9000, np.uint8))
    assert side.get(f"{4:08x}") is not None and side.get(f"{1:08x}") is None


def test_damaged_files_and_strange_keys(tmp_path: Path) -> None:
    side = SideArrays(tmp_path / "run.mnemo")
    side.put(KEY, np.zeros(3))
    (side.folder / f"{KEY}.npy").write_bytes(b"\x93NUMPY\x01\x00garbage")
    assert side.get(KEY) is None and side.mapped(KEY) is None
    side.put(KEY, np.zeros(300))
    os.truncate(side.folder / f"{KEY}.npy", 1000)
    assert side.get(KEY) is None and side.mapped(KEY) is None
    for strange in ("../../etc/passwd" + "x" * 99, KEY[:7], KEY * 4 + "0", KEY.upper(), f"{KEY}\n"):
        with pytest.raises(ValueError, match=f"^{re.escape(repr(strange[:40]))} is no key$"):
            side.get(strange)


def test_an_installation_keeps_them_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    side = SideArrays(tmp_path / "run.mnemo", lambda: tmp_path / "mine")
    side.put(KEY, np.ones(2))
    assert side.folder.parent == tmp_path / "mine" and side.get(KEY) is not None
