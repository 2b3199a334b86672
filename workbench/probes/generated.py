"""Figures of benchmarks whose sessions this program makes itself, each as its official code computes it.

LongIns ``eval.py``, TurtleBench ``eval.py``, LongICLBench ``banking77_infer.py``, LongBioBench
``scripts/evaluator.py``, HumbleBench ``utils/metrics.py`` and E.T. Bench ``compute_metrics.py``; the commits are in the
heads of the tables under ``tests/workbench/probes/tables``. An answer at which the official code crashes gets 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from workbench.probes.base import Shared
from workbench.sessions.model import Probe

THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
"""Overlaps from which E.T. Bench counts a found time; its F1 is the mean over them."""
_LETTERS = ("a", "b", "c", "d", "e")
_VERDICTS = {"correct": "Correct", "incorrect": "Incorrect", "unknown": "Unknown", "对": "T", "错": "F", "不知道": "N"}
_TRUE = ("Correct", "T")


def longins(probe: Probe, answer: str, shared: Shared) -> float:
    """LongIns: F1 of the sets of numbers; those of an answer stand in square brackets, on one line."""
    said = {int(n) for group in set(re.findall(r"\[(.*?)\]", answer)) for n in re.findall(r"\d+", group)}
    wanted = {int(n) for gold in probe.gold for n in re.findall(r"\d+", gold)}
    both = len(said & wanted)
    if not both:
        return 0.0
    precision, recall = both / len(said), both / len(wanted)
    return 2 * (precision * recall) / (precision + recall)


def turtlebench(probe: Probe, answer: str, shared: Shared) -> float | None:
    """TurtleBench: the verdict that the answer begins with; wrong and not to be known count as one.

    An answer without a word is none: it is left out, as there.
    """
    said = answer.strip().lower()
    if not answer:
        return None
    gold, verdicts = _gold(probe), _VERDICTS.items()
    chinese = gold in ("T", "F", "N")
    verdict = next((v for word, v in verdicts if said.startswith(word) and (len(v) == 1) == chinese), "")
    true = gold in _TRUE
    return float(bool(verdict) and (verdict in _TRUE) == true)


def longicl(probe: Probe, answer: str, shared: Shared) -> float:
    """LongICLBench: the label as the examples have it and nothing else, in any case; a further example is cut off."""
    if not probe.question or probe.question not in answer:
        said = answer.split("service query")[0]
    else:
        parts = answer.split(probe.question)[-1].strip().split("intent category:")
        said = parts[1].split("service query")[0] if len(parts) > 1 else parts[0]
    return float(said.strip().split("\n")[0].lower().strip() == _gold(probe).lower())


def longbio(probe: Probe, answer: str, shared: Shared) -> float | None:
    """LongBioBench, by ``extra.longbio``.

    ``text``: the gold is in the answer; ``number``: it is the answer's last number, and not 0; ``list``: all are, in
    their order; ``pair``: exactly two of the people of ``extra.years`` are named, and their years differ by the gold;
    ``unstated``: the answer says "not stated".
    """
    kind = probe.extra.get("longbio")
    if kind == "unstated":
        return float("not stated" in answer.lower())
    if kind == "pair":
        return pair(probe, answer)
    if kind == "number":
        numbers = re.findall(r"\d+", answer)
        return float(
            bool(numbers) and numbers[-1].strip("0") != "" and numbers[-1].lstrip("0") == _gold(probe).lstrip("0")
        )
    if kind == "list":
        return float(in_order(probe.gold, answer))
    if kind == "text":
        return float(_gold(probe).strip().lower() in answer.lower())
    return None


def longbio_cite(probe: Probe, answer: str, shared: Shared) -> float | None:
    """LongBioBench's citation: ``extra.cite``, brackets and all, is in the answer; None where none is wanted."""
    cite = probe.extra.get("cite")
    return float(str(cite) in answer) if cite else None


def pair(probe: Probe, answer: str) -> float:
    """1 where exactly two of the people of ``extra.years`` are named and theirs differ by the gold, which is not 0."""
    years = probe.extra.get("years")
    known = years if isinstance(years, Mapping) else {}
    named = [year for name, year in known.items() if str(name) in answer and isinstance(year, int)]
    return float(len(named) == 2 and named[0] != named[1] and str(abs(named[0] - named[1])) == _gold(probe))


def in_order(golds: Sequence[str], answer: str) -> bool:
    """Whether all golds are in the answer in their order, in any case."""
    at = 0
    for gold in golds:
        found = re.search(re.escape(gold), answer[at:], re.IGNORECASE)
        if not found:
            return False
        at += found.end()
    return True


def humblebench(probe: Probe, answer: str, shared: Shared) -> float:
    """HumbleBench: the letter is among the words of the answer, and no other letter of the options is."""
    words, gold = set(re.findall(r"\b\w+\b", answer.lower())), _gold(probe).lower()
    return float(gold in words and not words & {letter for letter in _LETTERS if letter != gold})


def humblebench_none(probe: Probe, answer: str, shared: Shared) -> float | None:
    """HumbleBench's accuracy where "None of the above" is right: the bare letter; None for other questions."""
    return float(answer == "E") if _gold(probe) == "E" else None


def etbench_f1(probe: Probe, answer: str, shared: Shared) -> float | None:
    """E.T. Bench's F1 of one sample, by ``extra.task``; times are ``[start, end]`` in seconds in ``extra.spans``.

    ``tvg`` and ``epm``: share of the four overlaps that the first time of the answer reaches; ``tal``: mean over them
    of the F1 of all times; ``vhd``: the first number lies in a span.
    """
    task, spans = probe.extra.get("task"), _spans(probe)
    if task == "vhd" and spans:
        number = re.search(r"[-+]?\d*\.\d+|[-+]?\d+", answer)
        return float(bool(number) and any(s <= float(number.group(0)) <= e for s, e in spans))  # type: ignore[union-attr]
    if task not in ("tvg", "epm", "tal") or not spans:
        return None
    said = times(answer)
    if not said:
        return 0.0
    if task == "tal":
        return _instances(overlaps(spans, said))
    reached = overlaps(spans[:1], said[:1])[0, 0]
    return sum(float(reached) >= limit for limit in THRESHOLDS) / len(THRESHOLDS)


def etbench_iou(probe: Probe, answer: str, shared: Shared) -> float | None:
    """E.T. Bench's mIoU of one sample of ``tvg`` or ``epm``: overlap of the first time of the answer."""
    spans = _spans(probe)
    if probe.extra.get("task") not in ("tvg", "epm") or not spans:
        return None
    said = times(answer)
    return float(overlaps(spans[:1], said[:1])[0, 0]) if said else 0.0


def _spans(probe: Probe) -> list[tuple[float, float]]:
    """The times of ``extra.spans``; what is none is left out."""
    given = probe.extra.get("spans")
    pairs = [p for p in given if isinstance(p, list | tuple) and len(p) == 2] if isinstance(given, list | tuple) else []
    return [(s, e) for s, e in pairs if isinstance(s, int | float) and isinstance(e, int | float)]


def _gold(probe: Probe) -> str:
    return probe.gold[0] if probe.gold else ""


def _instances(found: np.ndarray) -> float:
    """Mean over the overlaps of the F1 of what was found among what there is, ``[wanted, said]``."""
    total = 0.0
    for limit in THRESHOLDS:
        least = np.float32(limit)  # the official comparison of a tensor with a number is one of 32 bits
        if not found.max() < least:
            recall = float((found.max(axis=1) >= least).mean(dtype=np.float32))
            precision = float((found.max(axis=0) >= least).mean(dtype=np.float32))
            total += 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return total / len(THRESHOLDS)


def overlaps(one: Sequence[Sequence[float]], two: Sequence[Sequence[float]]) -> np.ndarray:
    """Intersection over union of times, ``[one, two]``, in 32 bits, as the official code computes it."""
    a, b = np.asarray(one, np.float32), np.asarray(two, np.float32)
    start = np.maximum(a[:, None, 0], b[None, :, 0])
    end = np.minimum(a[:, None, 1], b[None, :, 1])
    shared = np.clip(end - start, np.float32(0), None)
    union = (a[:, 1] - a[:, 0])[:, None] + (b[:, 1] - b[:, 0]) - shared
    with np.errstate(divide="ignore", invalid="ignore"):
        return shared / union


_RANGE = r"(\d+\.*\d*)\s*-\s*(\d+\.*\d*)"
_FROM_TO = r"(\d+\.*\d*)\s* to \s*(\d+\.*\d*)"
_BOUNDARY = ("start", "end", "happen")


def times(answer: str) -> list[tuple[float, float]]:
    """The times of an answer as E.T. Bench reads them: "2.5 - 4.8", "2.5 to 4.8", else numbers of two sentences."""
    said = answer.lower()
    pairs = re.findall(_RANGE, said) or re.findall(_FROM_TO, said)
    if not pairs:
        sentences = [s for s in re.split(r"[!?\n]", said) if any(word in s for word in _BOUNDARY)]
        numbers = [n[0] for s in sentences if (n := re.findall(r"\b(\d+\.\d+\b|\b\d+)\b", s))]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
    try:
        found = [(float(start), float(end)) for start, end in pairs]
    except ValueError:  # "3..5": the official code ends there
        return []
    return [(s, e) if e > s else (e, s) for s, e in found]
