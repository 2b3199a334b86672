"""Evaluation methods over finished runs, each after a publication: ``score FILE… --method NAME``."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.projections.methods import (
    benchmark_agreement,
    by_position,
    circular_eval,
    effective_accuracy,
    freshness,
    long_generation,
    memory_budget,
    report_statements,
    thinking_adjusted,
    traced_evidence,
)
from workbench.projections.methods.base import Found, Method, Run, run_of, shown

__all__ = ["METHODS", "Found", "Method", "Run", "run_of", "shown"]

METHODS: Mapping[str, Method] = {
    module.METHOD.name: module.METHOD
    for module in (
        circular_eval,
        effective_accuracy,
        thinking_adjusted,
        traced_evidence,
        report_statements,
        benchmark_agreement,
        memory_budget,
        freshness,
        long_generation,
        by_position,
    )
}
"""Adding one takes a file and a line here."""
