"""SCBench's official figures (microsoft/MInference, ``scbench/compute_scores.py``, arXiv 2412.10319).

One figure per task; the task is ``dataset`` of the probe or of its session. Function retrieval has a module of its own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

from workbench.probes import repoqa
from workbench.probes.base import Shared
from workbench.probes.longbench import ASIDE, dataset, qa_f1, token_f1
from workbench.sessions.model import Probe

Figure = Callable[[str, Sequence[str]], float]
_NUMBER = re.compile(r"\d+\.\d+|\d+")
_TO_SPACE = str.maketrans({c: " " for c in "\n\"'.,?!{}"})


def figure(probe: Probe, answer: str, shared: Shared) -> float | None:
    """The figure of the probe's task; None for a task without one.

    Raises:
        MnemoscopeError: a function that is to be read, without what reads it (``repoqa``).
    """
    name = dataset(probe, shared)
    if name == "scbench_repoqa":
        return repoqa.figure(probe, answer, shared)
    return float(TASKS[name](answer, probe.gold)) if name in TASKS and probe.gold else None


def contained(said: str, golds: Sequence[str]) -> float:
    """The value stands in the answer."""
    return float(golds[0] in said)


def contained_any(said: str, golds: Sequence[str]) -> float:
    """One of the golds stands in the answer, in any case."""
    return float(any(gold.upper() in said.strip().upper() for gold in golds))


def contained_share(said: str, golds: Sequence[str]) -> float:
    """Share of the golds that stand in the answer, in any case, to two places."""
    return round(sum(gold.lower() in said.lower() for gold in golds) / len(golds), 2)


def first_digits(said: str, golds: Sequence[str]) -> float:
    """The first run of digits is the gold."""
    found = re.search(r"[0-9]+", said)
    return float((found[0] if found else "") == golds[0])


def first_number(said: str, golds: Sequence[str]) -> float:
    """The first number equals the gold; only its whole part counts where the gold is whole."""
    found = _NUMBER.search(said)
    if not found:
        return 0.0
    value = float(found[0])
    return float(value == float(golds[0]) if "." in golds[0] else math.isfinite(value) and int(value) == int(golds[0]))


def letter(said: str, golds: Sequence[str]) -> float:
    """The option that is chosen: by the first letter, by its text, behind "answer is", or the first word of A to D."""
    said = said.strip()
    if not said:
        return 0.0
    if said[0] in "ABCD":
        return float(said[0] in golds)
    if said in golds:
        return 1.0
    plain = re.sub(" {2,}", " ", said.translate(_TO_SPACE))
    for prefix in ("answer is:", "answer:", "answer is", "option is"):
        at = plain.find(prefix)
        if at >= 0:
            after = plain[at + len(prefix) + 1 :] if len(plain) >= at + len(prefix) + 1 else None
            return float(after is not None and any(after.startswith(gold) for gold in golds))
    chosen = next((word for word in plain.split() if word in "ABCD"), None)
    return float(chosen in golds)


def best_f1(said: str, golds: Sequence[str]) -> float:
    """Token F1, the best over the golds."""
    return max(qa_f1(said, gold) for gold in golds)


def character_f1(said: str, golds: Sequence[str]) -> float:
    """F1 of characters without punctuation and spaces, the best over the golds; for Chinese."""
    return max(token_f1(_characters(said), _characters(gold)) for gold in golds)


def _characters(text: str) -> str:
    return "".join(text.lower().translate(ASIDE).split())


def rouge_lsum(said: str, golds: Sequence[str]) -> float:
    """ROUGE-Lsum F1 as the ``evaluate`` package gives it: ``rouge_score`` without a stemmer."""
    from rouge_score.rouge_scorer import RougeScorer

    return float(RougeScorer(["rougeLsum"]).score(golds[0], said)["rougeLsum"].fmeasure)


TASKS: Mapping[str, Figure] = {
    "scbench_kv": contained,
    "scbench_kv_hard": contained,
    "scbench_kv_compressible": contained,
    "scbench_hashhop": contained,
    "scbench_prefix_suffix": contained,
    "scbench_passkey": first_digits,
    "scbench_mf": first_number,
    "scbench_vt": contained_share,
    "scbench_many_shot": contained_any,
    "scbench_qa_eng": contained_any,
    "scbench_qa_chn": character_f1,
    "scbench_choice_eng": letter,
    "scbench_summary": rouge_lsum,
}
"""By task, as ``Multiturnbench_to_Infinitebench`` maps them."""
