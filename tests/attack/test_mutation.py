"""The runner of mutants, on a folder made by hand: what is tried, what is kept, and what each ending counts as."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.attack import mutation

NAMES = [f"some.module.x_size__mutmut_{n}" for n in (1, 2, 3)]
TESTS = """
import os

def test_first():
    with open("order.txt", "a") as file:
        file.write(os.environ["MUTANT_UNDER_TEST"][-1:] + "first ")

def test_second():
    with open("order.txt", "a") as file:
        file.write("second ")
    match os.environ["MUTANT_UNDER_TEST"][-1:]:
        case "1":
            assert False
        case "3":
            os.abort()
"""


@pytest.fixture
def mutants(tmp_path: Path) -> Path:
    """As mutmut leaves it: a copy of the program and its tests, what is known of each mutant, and of each test."""
    (tmp_path / "tests" / "attack").mkdir(parents=True)
    for package in ("tests", "tests/attack"):
        (tmp_path / package / "__init__.py").write_text("")
    shutil.copy(mutation.__file__, tmp_path / "tests" / "attack" / "mutation.py")
    (tmp_path / "tests" / "test_size.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text('[tool.mutmut]\npytest_add_cli_args = ["-p", "no:cacheprovider"]\n')
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "module.py.meta").write_text(json.dumps({"exit_code_by_key": dict.fromkeys(NAMES)}))
    ids = {f"tests/test_size.py::test_{name}": seconds for name, seconds in (("second", 0.2), ("first", 0.1))}
    stats = {"tests_by_mangled_function_name": {"some.module.x_size": list(ids)}, "duration_by_test": ids}
    (tmp_path / "mutmut-stats.json").write_text(json.dumps(stats))
    return tmp_path


def test_each_mutant_has_a_process_of_its_own_and_the_quickest_test_first(mutants: Path) -> None:
    tests = mutation.reached(mutants, [*NAMES[:3], "some.module.x_other__mutmut_1"])
    assert [t.rpartition("_")[2] for t in tests[NAMES[0]]] == ["first", "second"] and tests.popitem()[1] == []
    found = dict(mutation.tried(mutants, tests))
    assert found == {NAMES[0]: 1, NAMES[1]: mutation.SURVIVED, NAMES[2]: mutation.TIMEOUT}
    assert (mutants / "order.txt").read_text() == "first second 1first second 2first second 3first second "


def test_nothing_is_tried_where_the_tests_fail_without_a_mutant(mutants: Path) -> None:
    (mutants / "tests" / "test_size.py").write_text("def test_first():\n    assert False\n")
    with pytest.raises(SystemExit, match="the tests fail without a mutant"):
        list(mutation.tried(mutants, {NAMES[0]: ["tests/test_size.py::test_first"]}))


def test_verdicts_lie_where_mutmut_has_its_own(mutants: Path) -> None:
    (mutants / "some" / "package").mkdir()
    known = {"exit_code_by_key": {"some.package.x_a__mutmut_1": 0}}
    (mutants / "some" / "package" / "__init__.py.meta").write_text(json.dumps(known))
    mutation.keep(mutants, NAMES[2], 1)
    mutation.keep(mutants, "some.package.x_a__mutmut_1", 36)
    assert mutation.verdicts(mutants) == dict.fromkeys(NAMES) | {NAMES[2]: 1, "some.package.x_a__mutmut_1": 36}
