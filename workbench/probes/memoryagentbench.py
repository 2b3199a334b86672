"""MemoryAgentBench's official figures (HUST-AI-HYZ/MemoryAgentBench, ``utils/eval_other_utils.py``, arXiv 2507.05257).

Which form of an answer is compared depends on the part (``metadata.source``): in-context learning and EventQA look at
what follows "Answer:" in its line, or at the first line, and at nothing else; the other parts take the better of that
and of the whole output.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from workbench.probes.base import Shared
from workbench.sessions.model import Probe
from workbench.words import numeric

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_MARKED = re.compile(r"(?:Answer:)(.*)(?:\n|$)", re.IGNORECASE)
_LINE = re.compile(r"(?:^)(.*)(?:\n|$)")
_REPEATED = re.compile(r"^Answer:", re.IGNORECASE)
_NUMBERING = re.compile(r"^(?:\d+[\.\)、]?\s*[\-\—\–]?\s*)?")
_BRACKETED = re.compile(r"\([^()]*\)")


def normalise(text: str) -> str:
    """Lower case, no ASCII punctuation, no a, an, the, single spaces (SQuAD's form)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def parsed(output: str) -> str:
    """What follows the first "Answer:" in its line; without one, the first line."""
    found = _MARKED.search(output) or _LINE.search(output)
    return _REPEATED.sub("", found[1].strip()).strip() if found else ""


def em(probe: Probe, answer: str, shared: Shared) -> float | None:
    """Exact match (``exact_match``) of the normal forms; the published metric of Detective QA."""
    return _best(probe, answer, shared, lambda said, gold: said == gold)


def substring_em(probe: Probe, answer: str, shared: Shared) -> float | None:
    """Substring exact match (``substring_exact_match``): the gold's normal form is part of the answer's.

    The published metric of the document questions, EventQA and FactConsolidation.
    """
    return _best(probe, answer, shared, lambda said, gold: gold in said)


def icl_em(probe: Probe, answer: str, shared: Shared) -> float | None:
    """Exact match of in-context learning: of the parsed answer alone, so that "label: 43" is not 43."""
    said = normalise(parsed(answer))
    return max((float(said == normalise(gold)) for gold in probe.gold), default=None)


def eventqa_recall(probe: Probe, answer: str, shared: Shared) -> float | None:
    """1 when every gold is in the raw output, in any case (``eventqa_recall``)."""
    return float(all(gold.lower() in answer.lower() for gold in probe.gold)) if probe.gold else None


def _best(probe: Probe, answer: str, shared: Shared, right: Callable[[str, str], bool]) -> float | None:
    forms = [normalise(form) for form in _forms(answer, str(probe.extra.get("source") or shared.get("source", "")))]
    return max((float(right(form, normalise(g))) for g in probe.gold for form in forms), default=None)


def _forms(answer: str, source: str) -> tuple[str, ...]:
    return (parsed(answer),) if "icl" in source or "eventqa" in source else (answer, parsed(answer))


def recsys_recall(probe: Probe, answer: str, shared: Shared, k: int = 5) -> float | None:
    """Recall@k of the recommended films (``recsys_recall@5``); None without the catalogue.

    ``shared["catalogue"]`` is the benchmark's ``entity2id.json``, title to number; golds are numbers. The answer's
    numbered list is cut into lines, and each line stands for the title of the catalogue that is nearest by edit
    distance (of several the one that comes first; the official code takes any).
    """
    catalogue = shared.get("catalogue")
    if not probe.gold or not isinstance(catalogue, Mapping):
        return None
    titles = {numeric(str(number)): film(name) for name, number in catalogue.items()}
    titles.pop(-1, None)
    wanted = [titles.get(numeric(gold.strip())) for gold in probe.gold]
    if not titles or None in wanted:
        return None
    names = tuple(dict.fromkeys(titles.values()))
    chosen = [nearest(line, names) for line in recommended(answer)[:k]]
    return sum(title in chosen for title in wanted) / len(wanted)


def recommended(answer: str) -> list[str]:
    """The lines behind the first "1.", without their numbers and brackets; without one, what stands between commas."""
    _, marked, listed = answer.partition("1.")
    lines = (listed if marked else answer.replace(",", "\n")).split("\n")
    return [" ".join(_NUMBERING.sub("", _BRACKETED.sub("", line.strip())).split()) for line in lines]


@lru_cache(maxsize=65536)
def film(name: str) -> str:
    """A title as the benchmark reads it from a knowledge base's address: last part of the path, no brackets."""
    spaced = name.split("/")[-1].replace("_", " ").replace("-", " ").replace(">", " ")
    return " ".join(_BRACKETED.sub("", spaced).split())


@lru_cache(maxsize=4096)
def nearest(said: str, names: Sequence[str]) -> str:
    """The name with the least edit distance, in any case; of several the first."""
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import extractOne

    found = extractOne(said, names, scorer=Levenshtein.distance, processor=str.lower)
    return str(found[0])
