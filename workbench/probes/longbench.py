"""LongBench's official figures (THUDM/LongBench, ``LongBench/metrics.py`` and ``eval.py``, arXiv 2308.14508).

Every figure is the best over the golds, as ``eval.py`` takes it. Of the few-shot parts (``FIRST_LINE``) only the first
line of an answer counts. ``rouge-l`` is that of the ``rouge`` package, which compares sets of words in summaries cut at
full stops; in sentences of some thousand words that package runs out of stack and the official figure is 0, here it is
not. ``code-sim`` is that of ``fuzzywuzzy`` on Python's own ``difflib``, as the official requirements have it.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from workbench.errors import MnemoscopeError
from workbench.probes.base import Published, Shared
from workbench.probes.memoryagentbench import normalise
from workbench.sessions.model import Probe

FIRST_LINE = ("trec", "triviaqa", "samsum", "lsht")
_NUMBERS = re.compile(r"\d+")
ASIDE = str.maketrans("", "", string.punctuation + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏.")  # noqa: E501  # fmt: skip


def dataset(probe: Probe, shared: Shared) -> str:
    """Which part of a benchmark a probe belongs to: ``dataset`` of the probe, or of its session."""
    return str(probe.extra.get("dataset") or shared.get("dataset", ""))


def best(figure: Callable[[str, str], float]) -> Published:
    """The published scorer that takes a figure's best over the golds; None when there are none."""

    def scorer(probe: Probe, answer: str, shared: Shared) -> float | None:
        said = answer.lstrip("\n").split("\n")[0] if dataset(probe, shared) in FIRST_LINE else answer
        return max((max(0.0, figure(said, gold)) for gold in probe.gold), default=None)

    return scorer


def token_f1(said: Sequence[str], gold: Sequence[str]) -> float:
    """F1 of two multisets of tokens; 0 when they share none."""
    same = sum((Counter(said) & Counter(gold)).values())
    if not same:
        return 0.0
    precision, recall = same / len(said), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def qa_f1(said: str, gold: str) -> float:
    """Token F1 of the normal forms (``qa_f1_score``)."""
    return token_f1(normalise(said).split(), normalise(gold).split())


def qa_f1_zh(said: str, gold: str) -> float:
    """F1 of the Chinese words that jieba finds (``qa_f1_zh_score``)."""
    return token_f1(_words_zh(said), _words_zh(gold))


def _words_zh(text: str) -> list[str]:
    words = ("".join(word.lower().translate(ASIDE).split()) for word in _cut(text))
    return [word for word in words if word]


def _cut(text: str) -> list[str]:
    return [str(word) for word in _jieba().cut(text, cut_all=False)]


def _jieba() -> Any:
    try:
        import jieba
    except ImportError as error:
        what = "LongBench's Chinese figures need the word cutter jieba, which is not installed"
        raise MnemoscopeError(what, "pip install jieba") from error
    return jieba


def code_sim(said: str, gold: str) -> float:
    """Similarity of the gold with the first line that holds no comment sign or backtick (``code_sim_score``)."""
    lines = said.lstrip("\n").split("\n")
    line = next((li for li in lines if not any(mark in li for mark in ("`", "#", "//"))), "")
    ratio = 1.0 if line == gold else SequenceMatcher(None, line, gold).ratio()
    return round(100 * ratio) / 100


def count(said: str, gold: str) -> float:
    """Share of the answer's numbers that are the gold (``count_score``)."""
    numbers = _NUMBERS.findall(said)
    return numbers.count(gold) / len(numbers) if numbers else 0.0


def retrieval(said: str, gold: str) -> float:
    """Share of the answer's numbers that are the paragraph's (``retrieval_score``, ``retrieval_zh_score``)."""
    named = re.search(r"Paragraph (\d+)", gold) or re.search(r"段落(\d+)", gold)
    return count(said, named[1]) if named else 0.0


def classification(probe: Probe, answer: str, shared: Shared) -> float | None:
    """1 over the number of classes that the answer names, when the gold's is among them (``classification_score``).

    The classes are ``probe.options``. A class that is part of the gold's name is not counted, except where the official
    loop, which removes from the list that it goes through, skips it.
    """
    said = answer.lstrip("\n").split("\n")[0] if dataset(probe, shared) in FIRST_LINE else answer
    if not probe.gold or not probe.options:
        return None
    return max(_class(said, gold, probe.options) for gold in probe.gold)


def _class(said: str, gold: str, classes: Sequence[str]) -> float:
    named = [name for name in classes if name in said]
    at = 0
    while at < len(named):
        if named[at] in gold and named[at] != gold:
            named.remove(named[at])  # and the next one slips past
        at += 1
    return 1 / len(named) if gold in named else 0.0


def rouge_l(said: str, gold: str) -> float:
    """ROUGE-L F1 of the ``rouge`` package 1.0.1: union of longest common subsequences over sentences, as word sets."""
    found, wanted = _sentences(said), _sentences(gold)
    if not found or not wanted:
        return 0.0
    shared: set[str] = set()
    for sentence in wanted:
        for other in found:
            shared |= _common(sentence, other)
    size = len({word for s in found for word in s}), len({word for s in wanted for word in s})
    precision, recall = len(shared) / size[0], len(shared) / size[1]
    return 2 * (precision * recall / (precision + recall + 1e-8))


def rouge_l_zh(said: str, gold: str) -> float:
    """ROUGE-L of the Chinese words that jieba finds (``rouge_zh_score``)."""
    return rouge_l(" ".join(_cut(said)), " ".join(_cut(gold)))


def _sentences(text: str) -> list[list[str]]:
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _common(one: Sequence[str], other: Sequence[str]) -> set[str]:
    """The words of that longest common subsequence which the package chooses: of two as long, the one further left."""
    table = [[0] * (len(other) + 1)]
    for word in one:
        row, above = [0], table[-1]
        for at, second in enumerate(other):
            row.append(above[at] + 1 if word == second else max(above[at + 1], row[at]))
        table.append(row)
    i, j, words = len(one), len(other), set[str]()
    while i and j:
        if one[i - 1] == other[j - 1]:
            words.add(one[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words
