"""Our own readings: is this answer right? Lenient where a benchmark's code takes a form for a fault."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from workbench.probes import locomo as official
from workbench.probes import text
from workbench.probes.base import Score
from workbench.probes.leads import final
from workbench.probes.said import contains, of_another, says
from workbench.probes.unknown import abstains, counterclaims, declines
from workbench.sessions.model import Probe

GOOD_F1 = 0.5
"""From this token F1 on an answer counts as right where a yes or no is wanted."""


def match(probe: Probe, answer: str) -> Score:
    """Short answers: the answer says an accepted gold as whole words, in any case and script, and means it.

    "in Oslo." matches "Oslo"; "not Oslo", "It isn't the one in Oslo" and "Oslo and Lima" do not; nor does an answer
    that claims not to know, or that says a further one of the probe's options, unless of something else ("E-bikes are
    B, bicycles stay R"). Where a yes or no is wanted, the first yes or no counts.
    """
    said = final(answer)
    if _verdicts(probe.gold):
        said = said if _verdict(said) else " ".join(answer.split())  # what it gave before it led to something else
        return _plain(probe, answer, _verdict(said) in {text.normalise(g) for g in probe.gold}, said)
    beside = (*probe.gold, probe.question)
    found = any(says(said, gold, beside) for gold in probe.gold)
    hedged = found and any(says(claim, gold, beside) for claim in counterclaims(answer) for gold in probe.gold)
    if found and probe.options:
        accepted = {text.words(g) for g in probe.gold}
        others = [
            o for o in probe.options if text.words(o) not in accepted and not any(contains(g, o) for g in probe.gold)
        ]
        found = not any(says(said, o) and not of_another(said, o, probe.gold, probe.question) for o in others)
    return Score(found, float(found), said) if hedged else _plain(probe, answer, found, said)


_YES_NO = {"yes": "yes", "yeah": "yes", "yep": "yes", "no": "no", "nope": "no"}


def _verdicts(golds: Sequence[str]) -> bool:
    return bool(golds) and all(text.normalise(g) in ("yes", "no") for g in golds)


def _verdict(said: str) -> str:
    return next((_YES_NO[word] for word in text.words(said) if word in _YES_NO), "")


def _plain(probe: Probe, answer: str, found: bool, said: str) -> Score:
    """Right when found, and not when the answer claims not to know (unless that is the gold)."""
    right = found and not (abstains(answer) and not any(map(abstains, probe.gold)))
    return Score(right, float(right), said)


def exact(probe: Probe, answer: str) -> Score:
    """MemoryAgentBench's exact match: equal in normal form, of the whole output or of what follows "Answer:"."""
    said = final(answer)
    forms = {text.normalise(said), text.normalise(answer)}
    return _plain(probe, answer, any(text.normalise(g) in forms for g in probe.gold), said)


def substring(probe: Probe, answer: str) -> Score:
    """MemoryAgentBench's substring exact match: a gold is in the output, both in normal form."""
    form = text.normalise(answer)
    return _plain(probe, answer, any(text.normalise(g) in form for g in probe.gold), final(answer))


def f1(probe: Probe, answer: str) -> Score:
    """Token F1 after SQuAD, the best over the golds; right from 0.5 on. A yes or no counts only when both say it."""
    said = final(answer)
    best = max((_f1(text.words(said), text.words(g)) for g in probe.gold), default=0.0)
    return Score(best >= GOOD_F1, best, said)


def locomo(probe: Probe, answer: str) -> Score:
    """LoCoMo's official F1, and right from 0.5 on, which is our reading of it; the benchmark reports its mean."""
    figure = official.f1(probe, answer, {}) or 0.0
    return Score(figure >= GOOD_F1, figure, answer.strip())


def _f1(said: Sequence[str], gold: Sequence[str]) -> float:
    verdict = {("yes",), ("no",)}
    if (tuple(said) in verdict or tuple(gold) in verdict) and tuple(said) != tuple(gold):
        return 0.0
    common = sum((Counter(said) & Counter(gold)).values())
    return 2 * common / (len(said) + len(gold)) if common else 0.0


_LABEL = re.compile(r"\blabels?\b\s*(?:is\b|[:=])?\s*[\"'{(\[]?\s*([\w-]+)", re.IGNORECASE)


def label(probe: Probe, answer: str) -> Score:
    """A class label, leniently: "label: 43", "It is 43." and "43" are all the label 43."""
    said = final(answer)
    marked = _LABEL.search(answer)
    numbers = re.findall(r"\d+", said)
    if marked:
        said = marked.group(1)
    elif numbers and all(g.strip().isdigit() for g in probe.gold):
        said = numbers[0]
    return _plain(probe, answer, text.normalise(said) in {text.normalise(g) for g in probe.gold}, said)


def label_strict(probe: Probe, answer: str) -> Score:
    """A class label as MemoryAgentBench's exact match takes it: the bare label and nothing else."""
    right = text.normalise(answer) in {text.normalise(g) for g in probe.gold}
    return Score(right, float(right), answer.strip())


def number(probe: Probe, answer: str) -> Score:
    """The first number of the answer equals a gold's, to one part in a million; words count up to twenty.

    A gold that holds no number is matched as text.
    """
    value = text.number(final(answer))
    golds = [text.number(g) for g in probe.gold]
    if None in golds:
        return match(probe, answer)
    close = value is not None and any(g is not None and abs(value - g) <= 1e-6 * max(1.0, abs(g)) for g in golds)
    return _plain(probe, answer, close, "" if value is None else f"{value:g}")


def choice(probe: Probe, answer: str) -> Score:
    """One of the probe's options, by letter ("B", "(b)", "B: Lima") or by its text; naming two is wrong, unless one of
    them is of something else.

    When no gold is among the options the answer is matched as text.
    """
    said = final(answer)
    golds = {o for g in probe.gold if (o := _option(g, probe.options))}
    if not golds:
        return match(probe, answer)
    chosen = _option(said, probe.options, probe.question)
    return _plain(probe, answer, chosen in golds, chosen or said)


def _option(said: str, options: Sequence[str], question: str = "") -> str:
    """The option that is meant, empty when none or several are."""
    same = [o for o in options if text.words(o) == text.words(said)]
    letter = re.match(r"[(\[]?([A-Za-z])(?:[)\].:]|\s*$)", said)
    if same:
        return same[0]
    if letter and (place := ord(letter.group(1).upper()) - ord("A")) < len(options):
        return options[place]
    named = [o for o in options if says(said, o, options)]
    longest = [o for o in named if not any(o != other and contains(other, o) for other in named)]
    if len(longest) > 1:
        longest = [o for o in longest if not any(of_another(said, o, (p,), question) for p in longest if p != o)]
    return longest[0] if len(longest) == 1 else ""


def abstain(probe: Probe, answer: str) -> Score:
    """Right only when the answer says that the session never told it (``workbench.probes.unknown``)."""
    right = declines(answer)
    return Score(right, float(right), final(answer))
