"""Every probe, method and data set of the field's reading list has a test that exercises it.

The list is here, since ``../shared`` is no part of the repository; where it lies beside the checkout, both must be the
same. A row names tests as ``file::function``; they must exist, run something, and not be skipped.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from workbench.projections.methods import METHODS
from workbench.sessions.generators import GENERATORS

_GENERATED = "workbench/sessions/test_generators.py::test_an_oracle_gets_everything_right_and_no_memory_does_not"
_M = "workbench/projections/methods/test_methods.py::"
_G = "workbench/sessions/test_generators.py::"
_D = "workbench/sessions/test_formats_datasets.py::"

PROBES = {
    "MemoryAgentBench": ("workbench/sessions/test_synthesis.py::test_probes_are_well_formed",
                         _G + "test_labelled_files_become_sets_of_the_benchmarks_shape",
                         _G + "test_facts_change_up_to_six_times"),
    "SCBench": (_GENERATED, _G + "test_in_multi_turn_mode_the_questions_before_are_in_the_conversation"),
    "LongGenBench": (_GENERATED, _G + "test_long_answers_are_checked_part_by_part",
                     _M + "test_long_answers_by_kind_of_instruction"),
    "SORT": (_GENERATED, _G + "test_passages_are_near_and_far_apart"),
    "HiBench": (_GENERATED, _G + "test_a_hierarchy_is_asked_in_eleven_ways_and_three_more_scenarios_in_theirs"),
    "WorM": (_GENERATED, _G + "test_working_memory_covers_every_position"),
    "LongBench": ("workbench/sessions/test_formats_benchmarks.py::test_longbench_of_both_versions",
                  "workbench/probes/test_official.py::test_longbench_and_scbench"),
    "NeedleBench": (_GENERATED, _G + "test_the_grid_of_needles_has_every_depth_and_length",
                    _G + "test_the_earliest_ancestors_are_up_to_so_many_generations_away"),
    "X-LeBench": (_GENERATED, _G + "test_a_life_log_goes_on_for_days"),
    "LongIns": (_GENERATED, _G + "test_instructions_stand_once_or_with_every_question"),
    "LIConBench": (_GENERATED, _G + "test_examples_of_a_label_stand_together_or_apart",
                   _M + "test_accuracy_by_where_the_evidence_stood"),
    "LongBioBench": (_GENERATED, _G + "test_biographies_are_asked_in_all_three_settings"),
    "LongMemEval": ("workbench/sessions/test_formats_longmemeval.py",
                    "workbench/probes/test_official.py::test_longmemeval"),
    "TurtleBench": (_GENERATED, _G + "test_guesses_are_made_after_the_story"),
    "HumbleBench": (_GENERATED, _G + "test_false_options_are_there_to_be_refused"),
    "SVBench": (_GENERATED, _G + "test_chains_are_asked_while_the_stream_goes_on"),
    "E.T. Bench": (_GENERATED, _G + "test_events_last_some_seconds_and_are_asked_for_in_four_ways"),
    "ToolLLM": (_GENERATED, _G + "test_tool_calls_are_turns_of_their_tools"),
}  # fmt: skip
METHODS_OF = {
    "SCBench": (_G + "test_in_multi_turn_mode_the_questions_before_are_in_the_conversation",),
    "MMBench": (_M + "test_circular_eval_wants_every_rotation",
                _M + "test_a_lane_that_always_says_the_first_letter_is_found_out"),
    "LiveBench": (_M + "test_releases_are_told_apart_and_judged_answers_left_out",
                  _G + "test_a_seed_and_a_date_make_one_session"),
    "AutoBencher": ("workbench/engine/test_autobench.py::test_the_search_finds_the_setting_that_is_hard",),
    "YourBench": ("workbench/engine/test_probing.py", "workbench/probes/test_support.py"),
    "TreeBench": (_M + "test_turns_that_an_answer_rests_on_against_its_evidence",),
    "ExpertLongBench": ("workbench/test_checklists.py::test_clear_compares_what_both_say_about_every_item",),
    "TICK": ("workbench/test_checklists.py::test_tick_is_the_share_of_its_questions_that_are_met",),
    "UGMathBench": (_M + "test_effective_accuracy_and_the_gap", _M + "test_versions_of_a_generator_are_grouped"),
    "OptimalThinkingBench": (_M + "test_accuracy_counts_below_the_budget_only",),
    "ReportBench": (_M + "test_statements_are_checked_against_what_they_cite",),
    "BenchBench": (_M + "test_sets_that_rank_alike_agree_and_a_reversed_one_does_not",),
    "MEMO (class-incremental)": (_M + "test_lanes_are_compared_at_equal_budgets",),
    "Learnable vector storage compression": ("workbench/probes/test_compression.py::test_recall_falls_with_bytes",),
}  # fmt: skip
DATA_SETS = {
    "ToolLLM": (_D + "test_toolllm",),
    "LongVideoBench": (_D + "test_longvideobench",),
    "OST-Bench": (_D + "test_ost_bench",),
    "MVBench": (_D + "test_mvbench",),
    "SAVEn-Vid": (_D + "test_saven_vid",),
    "VideoGameBench": (_D + "test_videogamebench",),
    "PokerBench": (_D + "test_pokerbench",),
    "DrafterBench": (_D + "test_drafterbench",),
    "XMainframe (MainframeBench)": (_D + "test_mainframebench",),
    "LoCoBench": (_D + "test_locobench",),
    "JavaBench": (_D + "test_javabench",),
    "PyBench": (_D + "test_pybench",),
    "MultiKernelBench": (_D + "test_multikernelbench",),
}
ROWS = {"P": PROBES, "E": METHODS_OF, "D": DATA_SETS}
CLAIMS = [(kind, system, test) for kind, rows in ROWS.items() for system, tests in rows.items() for test in tests]


@cache
def functions(file: Path) -> dict[str, ast.FunctionDef]:
    """The tests of a file by name."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize(
    ("kind", "system", "test"), CLAIMS, ids=[f"{k} {s} {t.rpartition('::')[2]}" for k, s, t in CLAIMS]
)
def test_a_row_is_claimed_by_a_test_that_is_there_and_runs(root: Path, kind: str, system: str, test: str) -> None:
    file, _, name = test.partition("::")
    found = functions(root / "tests" / file)
    assert found, f"{file} has no tests"
    for function in [found[name]] if name else found.values():
        marks = [ast.unparse(mark) for mark in function.decorator_list]
        assert not any(word in mark for mark in marks for word in ("skip", "xfail", "slow", "gpu")), marks
        assert any(_asserts(node) for node in ast.walk(function)), "it asserts nothing"


def _asserts(node: ast.AST) -> bool:
    """An assertion, an expected exception, or a call of a helper that holds one."""
    helper = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.startswith("check")
    return helper or isinstance(node, ast.Assert | ast.With)


def test_every_generator_and_method_belongs_to_a_row() -> None:
    papers = " ".join([*PROBES, *METHODS_OF]).lower()
    known = {re.sub(r"[^a-z]", "", name.lower()) for name in [*PROBES, *METHODS_OF]}
    for name, card in GENERATORS.items():
        word = re.sub(r"[^a-z]", "", name)
        assert word in known or any(k in re.sub(r"[^a-z]", "", card.paper.lower()) for k in known), (name, papers)
    for method in METHODS.values():
        word = re.sub(r"[^a-z]", "", method.paper.lower())
        assert any(k.removesuffix("classincremental") in word for k in known), method.name


@pytest.mark.parametrize("kind", ROWS)
def test_the_list_is_that_of_the_reading_list(shared_data: Path, kind: str) -> None:
    text = (shared_data.parent / "reference" / "systems.md").read_text(encoding="utf-8")
    listed = set()
    for names, kinds in re.findall(r"^\| ([^|]+) \| ([^|]+) \|", text, re.M):
        if kind in kinds.split():
            listed |= set(re.split(r",\s*(?![^(]*\))", names.strip()))
    assert listed == set(ROWS[kind])
