"""A 50 MB log of 20,000 turns: seconds and memory. ``pytest tests/benchmarks/bench_read.py -m bench -s`` prints them.

The aim is 5 seconds and 500 MB on an idle machine; asserted is only what load cannot break.
"""

import json

import pytest

from workbench.bench import measure


@pytest.mark.bench
def test_a_large_log_is_opened(capsys: pytest.CaptureFixture[str]) -> None:
    figures = measure("read")
    with capsys.disabled():
        print(json.dumps(figures, indent=1))
    for shape, found in figures.items():
        assert (found["turns"], found["megabytes"] > 49) == (20_000, True), shape
        assert found["peak_mib"] < 500, shape
        assert found["cpu_seconds"] < 10, shape
