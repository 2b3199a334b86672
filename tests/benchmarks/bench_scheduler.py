"""What the scheduler costs over raw ``llama_decode`` calls, and what eight lanes cost together.

``pytest tests/benchmarks/bench_scheduler.py -m bench -s`` prints the figures;
``python -m tests.benchmarks.bench_scheduler [--large]`` prints them as JSON. The aim is an overhead of 15 % at most on
an idle machine; asserted is only what load cannot break.
"""

import argparse
import json

import pytest

from workbench.llm.bench import LANES, Load, run


@pytest.mark.bench
def test_overhead_and_lanes(capsys: pytest.CaptureFixture[str]) -> None:
    figures = run(load=Load(prompt=100, generated=32, repeats=3))
    with capsys.disabled():
        print(json.dumps(figures, indent=1))
    assert figures["overhead"]["steps"] >= 32
    assert figures["overhead"]["cpu_ratio"] < 2
    assert figures["lanes"]["eight_over_one"] < 2 * LANES


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a 0.5 B-shaped Q8_0 model instead of 2 M parameters")
    print(json.dumps(run(large=parser.parse_args().large), indent=1))
