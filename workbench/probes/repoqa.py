"""SCBench's figure of a function that is to be repeated (``scbench/repo_qa_utils.py``, after RepoQA).

Right is an answer whose function is more like the wanted one than like any other wanted one of the same repository, by
smoothed BLEU of its words, and like it by ``ENOUGH``. Of an answer with fenced code the first function counts that
tree-sitter finds in it, in one of six languages; without any the first block, and without a block all that was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from workbench.errors import MnemoscopeError
from workbench.probes.base import Shared
from workbench.sessions.model import Probe

ENOUGH = 0.8
"""The threshold of the benchmark's reported figure."""
_FENCED = re.compile(r"^```\w*\s*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FUNCTIONS: Mapping[str, tuple[str, str, str]] = {
    "python": ("tree_sitter_python", "language", "function_definition"),
    "java": ("tree_sitter_java", "language", "method_declaration"),
    "typescript": ("tree_sitter_typescript", "language_typescript", "function_declaration"),
    "rust": ("tree_sitter_rust", "language", "function_item"),
    "cpp": ("tree_sitter_cpp", "language", "function_definition"),
    "go": ("tree_sitter_go", "language", "function_declaration"),
}
"""By language the grammar's package, what it calls it, and what it calls a function."""


def figure(probe: Probe, answer: str, shared: Shared) -> float | None:
    """1.0 for right, 0.0 for wrong; None where the probe does not say its language and function.

    ``probe.extra`` has ``lang`` and ``func_name``, ``shared["needles"]`` every wanted function of the repository, each
    ``{"name", "code"}``; without them the probe's own is the only one.

    Raises:
        MnemoscopeError: the answer holds fenced code, and tree-sitter or the grammar is not installed.
    """
    language, name = str(probe.extra.get("lang", "")), probe.extra.get("func_name")
    if language not in _FUNCTIONS or not name or not probe.gold:
        return None
    said = function(answer, language)
    best, target = 0.0, ""
    for needle in shared.get("needles") or [{"name": name, "code": probe.gold[0]}]:
        likeness = similarity(said, str(needle["code"]))
        if likeness > best:
            best, target = likeness, str(needle["name"])
    return float(target == name and best >= ENOUGH)


def similarity(one: str, other: str) -> float:
    """BLEU of the words of ``one`` against ``other``, smoothed by Chen and Cherry's fourth method."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    words = [re.split(r"\s+", text.strip()) for text in (other, one)]
    return float(sentence_bleu(words[:1], words[1], smoothing_function=SmoothingFunction().method4))


def function(answer: str, language: str) -> str:
    """What of an answer counts."""
    answer = answer.strip()
    blocks: Sequence[str] = _FENCED.findall(answer)
    if not blocks:
        return answer
    return next((code for block in blocks if (code := _first(block, language))), blocks[0])


def _first(block: str, language: str) -> str:
    """The first function of some code; empty for none."""
    data, kind = block.encode("utf-8", "surrogatepass"), _FUNCTIONS[language][2]
    for node in _nodes(_parser(language)(data).root_node):
        if node.type == kind and _named(node, language):
            return data[node.start_byte : node.end_byte].decode("utf-8", "replace")
    return ""


def _named(node: Any, language: str) -> bool:
    """Whether a function has a name of the form that the benchmark asks for: in C++ a plain one, of no class."""
    if language != "cpp":
        return node.child_by_field_name("name") is not None
    declared = node.child_by_field_name("declarator")
    if declared is None or declared.type != "function_declarator":
        return False
    name = declared.child_by_field_name("declarator")
    return name is not None and name.type == "identifier"


def _nodes(root: Any) -> Iterator[Any]:
    """All nodes, in the order of the text, without recursion: code may be nested as deep as somebody likes."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children)


@cache
def _parser(language: str) -> Callable[[bytes], Any]:
    package, name, _ = _FUNCTIONS[language]
    try:
        tree_sitter, grammar = import_module("tree_sitter"), import_module(package)
    except ImportError as error:
        what = f"SCBench's function retrieval needs tree-sitter and its {language} grammar, which are not installed"
        raise MnemoscopeError(what, "pip install 'mnemoscope[code]'") from error
    found: Callable[[bytes], Any] = tree_sitter.Parser(tree_sitter.Language(getattr(grammar, name)())).parse
    return found
