"""A repository of small functions in six languages, each described in words that fit it alone."""

from __future__ import annotations

import random
from dataclasses import dataclass

from workbench.sessions.generators import pools

_KEPT = {">": "greater than {k}", "<": "less than {k}", "%": "a multiple of {k}"}
_CHANGED = {"*": "multiplies each of them by {m}", "+": "increases each of them by {m}"}
_FOLDED = {
    "+=": "adds it to the result",
    "-=": "subtracts it from the result",
    "max": "makes it the result where it is larger",
}
_CODE = {
    "python": (
        "def {name}(values):\n    result = {start}\n    for value in values:\n        if {test}:\n            {step}\n"
        "    return result",
        "result = max(result, {made})",
    ),
    "java": (
        "public static int {name}(int[] values) {{\n    int result = {start};\n    for (int value : values) {{\n"
        "        if ({test}) {{\n            {step};\n        }}\n    }}\n    return result;\n}}",
        "result = Math.max(result, {made})",
    ),
    "typescript": (
        "function {name}(values: number[]): number {{\n  let result = {start};\n  for (const value of values) {{\n"
        "    if ({test}) {{\n      {step};\n    }}\n  }}\n  return result;\n}}",
        "result = Math.max(result, {made})",
    ),
    "rust": (
        "pub fn {name}(values: &[i64]) -> i64 {{\n    let mut result = {start};\n    for &value in values {{\n"
        "        if {test} {{\n            {step};\n        }}\n    }}\n    result\n}}",
        "result = result.max({made})",
    ),
    "cpp": (
        "int {name}(const std::vector<int>& values) {{\n  int result = {start};\n  for (int value : values) {{\n"
        "    if ({test}) {{\n      {step};\n    }}\n  }}\n  return result;\n}}",
        "result = std::max(result, {made})",
    ),
    "go": (
        "func {name}(values []int) int {{\n\tresult := {start}\n\tfor _, value := range values {{\n\t\tif {test} {{\n"
        "\t\t\t{step}\n\t\t}}\n\t}}\n\treturn result\n}}",
        "result = max(result, {made})",
    ),
}
LANGUAGES = tuple(_CODE)
"""Those of RepoQA."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its name, its code, and what it is for, takes, gives and does, without its name."""

    name: str
    code: str
    described: str


def functions(r: random.Random, n: int, language: str) -> list[Function]:
    """``n`` different functions of one language."""
    made: dict[tuple[str, int, str, int, str, int], None] = {}
    while len(made) < n:
        pick = (r.choice([*_KEPT]), r.randrange(2, 98), r.choice([*_CHANGED]), r.randrange(2, 98))
        made[*pick, r.choice([*_FOLDED]), r.randrange(0, 98)] = None
    names = pools.made_up(r, n, 4)
    return [_function(name, language, *what) for name, what in zip(names, made, strict=True)]


def _function(name: str, language: str, kept: str, k: int, changed: str, m: int, folded: str, start: int) -> Function:
    form, larger = _CODE[language]
    test = f"value % {k} == 0" if kept == "%" else f"value {kept} {k}"
    value = f"value {changed} {m}"
    step = larger.format(made=value) if folded == "max" else f"result {folded} {value}"
    code = form.format(name=name, start=start, test=test, step=step)
    described = (
        "Purpose: to make one number of many. Input: a list of whole numbers. Output: a whole number. Procedure: the "
        f"result begins at {start}; of the numbers the function looks only at those that are {_KEPT[kept]}, "
        f"{_CHANGED[changed]}, and {_FOLDED[folded]}."
    ).format(k=k, m=m)
    return Function(name, code, described)
