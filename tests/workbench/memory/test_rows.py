"""Vectors on disk: what was put in comes out, and a full disk says so."""

from __future__ import annotations

import errno
import tempfile
from typing import Any

import numpy as np
import pytest

from workbench.errors import Unavailable
from workbench.memory import rows as module
from workbench.memory.rows import Rows


@pytest.mark.parametrize("in_memory", [500, 1 << 20])
def test_rows_are_what_was_put_in(in_memory: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", in_memory)
    vectors = np.random.default_rng(2).standard_normal((2100, 8)).astype(np.float32)
    rows, query = Rows(), vectors[7]
    assert [rows.append(vector) for vector in vectors] == list(range(2100)) and len(rows) == 2100
    for numbers in ([], [0], [2099, 3, 3, 1024], [*range(2100)], [*range(2099, -1, -2)]):
        assert np.array_equal(rows.take(numbers), vectors[numbers])
        assert np.allclose(rows.dots(numbers, query), vectors[numbers].astype(float) @ query, rtol=0, atol=1e-12)
    taken = rows.take([5])
    taken[:] = 0
    assert np.array_equal(rows.take([5])[0], vectors[5])  # a copy


def test_a_full_disk_says_so_and_costs_nothing_that_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, full = Rows(), False
    write = rows._file.write

    def limited(data: Any) -> Any:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(data)

    monkeypatch.setattr(rows._file, "write", limited)
    rows.append(np.ones(4, np.float32))
    full = True
    with pytest.raises(Unavailable, match=f"cannot be kept in {tempfile.gettempdir()}: No space left") as caught:
        rows.append(np.zeros(4, np.float32))
    assert "TMPDIR" in str(caught.value) + str(getattr(caught.value, "remedy", ""))
    full = False
    assert rows.append(np.full(4, 2, np.float32)) == 1
    assert rows.take([0, 1]).tolist() == [[1] * 4, [2] * 4]
