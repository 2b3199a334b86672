"""Every strategy says which publication it follows, how faithfully, and stands for its row of the reading list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from workbench.memory.base import Fidelity
from workbench.memory.registry import STRATEGIES, strategy

LISTED: dict[str, tuple[str, ...]] = {
    "A-MEM": ("a-mem",),
    "CAIM": ("caim",),
    "ChemAgent": ("chem-agent",),
    "EM-LLM": ("em-llm",),
    "ExpeRepair": ("expe-repair",),
    "HCAM": ("hcam",),
    "HMT": ("hmt",),
    "L2MAC": ("l2mac",),
    "M3-Agent": ("m3-agent",),
    "MEM1": ("mem1",),
    "MIRIX": ("mirix",),
    "Mem0, Mem0-graph": ("mem0", "mem0-v3", "mem0-graph"),
    "MemGAS": ("memgas",),
    "MemOS (both papers)": ("memos",),
    "Memory-R1": ("memory-r1",),
    "PMI": ("pmi",),
    "Sculptor": ("sculptor",),
    "Spatially-Aware Transformer": ("spatial",),
    "Synaptic Resonance": ("synaptic-resonance",),
    "TIM / TIMRUN": ("tim",),
    "TME, tree and DAG (two papers)": ("tme-tree", "tme-dag"),
    "Think-in-Memory": ("think-in-memory",),
    "Titans": ("titans",),
    "Tool2Vec": ("tool2vec",),
    "VideoLLaMB": ("video-llamb",),
}
"""Rows of kind M in the reading list, and the strategies that stand for them."""
BESIDE = {"full", "window", "bm25", "dense", "hybrid", "lightmem", "memoryos", "letta"}
"""Strategies that have no row: baselines, and systems that the field compares with."""
_SOURCE = re.compile(r"\b\d{4}\.\d{5}\b|(?:SIGIR|ICLR) \d{4}")


def test_every_strategy_has_its_row_or_none() -> None:
    named = [name for names in LISTED.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named).isdisjoint(BESIDE) and {*named, *BESIDE} == STRATEGIES.keys()


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_docstring_names_the_paper(name: str) -> None:
    cls = strategy(name)
    sources = _SOURCE.findall(cls.paper)
    assert sources, f"{cls.paper} names no arXiv number and no venue with its year"
    said = " ".join((cls.__doc__ or "").split())
    assert all(source in said for source in sources), (sources, said)
    assert cls.fidelity in get_args(Fidelity)
    assert (cls.fidelity == "baseline") == (name in {"full", "window", "bm25", "dense", "hybrid"})


CLAIMS = ("faithful", "adapted", "prompt-only", "emulated")
"""What a label claims, most first."""


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, names in LISTED.items() for name in names])
def test_the_paper_is_that_of_its_row(row: str, name: str) -> None:
    cls = strategy(name)
    known = f"{cls.title} {cls.paper} {' '.join((cls.__doc__ or '').split())}".casefold()
    first = re.split(r"[,(/]", row)[0].strip().casefold()
    assert first in known


def test_the_reading_list_has_these_rows(shared_data: Path) -> None:
    page = shared_data.parent / "reference" / "systems.md"
    if not page.is_file():
        pytest.skip(f"no {page}: the reading list lies beside the checkout")
    rows = re.findall(r"^\| ([^|]+) \| ((?:\w+ )*?M\b[^|]*)\|", page.read_text("utf-8"), re.MULTILINE)
    assert {system for system, _ in rows} == LISTED.keys()
    for system, kind in rows:
        for name in LISTED[system]:
            cls, labels = strategy(name), [label for label in get_args(Fidelity) if label in kind]
            highest = labels[0] if labels else "faithful"  # a label may say less than the list hoped for, never more
            assert CLAIMS.index(cls.fidelity) >= CLAIMS.index(highest), (system, name)
            assert bool(cls.differs) == (cls.fidelity != "faithful")
