"""How each benchmark's paper puts its scores together: by which category, and what is averaged over what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from workbench.probes.base import Shared
from workbench.probes.competencies import ABSTENTION, SHORT, label
from workbench.probes.statistics import Interval, interval
from workbench.sessions.model import Probe

LOCOMO_CATEGORIES = {
    "1": "1 multi-hop",
    "2": "2 temporal",
    "3": "3 open-domain",
    "4": "4 single-hop",
    "5": "5 adversarial",
}
"""LoCoMo's numbers with their names; the numbers are what papers agree on."""

_MAB_COLUMNS = (
    ("ruler_qa1", "SH-QA", "AR"),
    ("ruler_qa2", "MH-QA", "AR"),
    ("longmemeval", "LME", "AR"),
    ("eventqa", "EventQA", "AR"),
    ("icl_", "MCC", "TTL"),
    ("recsys", "Recom", "TTL"),
    ("infbench", "Summ", "LRU"),
    ("detective", "DetQA", "LRU"),
    ("factconsolidation_sh", "FC-SH", "SF"),
    ("factconsolidation_mh", "FC-MH", "SF"),
)
"""MemoryAgentBench's Table 3: what a source begins with, its column, and the competency that it is averaged into."""


EVERY = "*"
"""The category of a column over all probes of its benchmark."""
SCORE_TITLES = {
    "locomo-f1": "F1",
    "locomo-judge": "LLM judge",
    "longmemeval-judge": "accuracy by judge",
    "longmemeval-ndcg": "NDCG",
    "recall-any": "recall_any",
    "recall-all": "recall_all",
    "em": "exact match",
    "substring-em": "substring exact match",
    "icl-em": "exact match",
    "eventqa-recall": "eventqa_recall",
    "recsys-recall@5": "Recall@5",
    "infbench-judge": "F1 by judge",
    "longbench-f1": "F1",
    "longbench-f1-zh": "F1",
    "longbench-class": "accuracy",
    "longbench-count": "accuracy",
    "longbench-retrieval": "accuracy",
    "rouge-l": "ROUGE-L",
    "rouge-l-zh": "ROUGE-L",
    "code-sim": "edit similarity",
    "scbench": "official score",
    "longins-f1": "F1",
    "turtlebench": "accuracy",
    "longicl-em": "accuracy",
    "longbio": "accuracy",
    "longbio-cite": "citation accuracy",
    "humblebench": "accuracy",
    "humblebench-none": "E_accuracy",
    "etbench-f1": "F1",
    "etbench-iou": "mIoU",
}
"""What the papers call their scores."""

_GENERATED = {
    "longins-f1": ("LongIns (generated)", "setting"),
    "turtlebench": ("TurtleBench (generated)", "language"),
    "longicl-em": ("LongICLBench (generated)", "layout"),
    "longbio": ("LongBioBench (generated)", "task"),
    "humblebench": ("HumbleBench (generated)", "type"),
    "etbench-f1": ("E.T. Bench (generated)", "task"),
}
"""By headline score of a generated benchmark its name (the questions are ours, the rule is its own), and what of a
probe's ``extra`` tells its categories apart."""


def score_title(name: str) -> str:
    """What a paper calls a score: ``longmemeval-ndcg@5`` as "NDCG@5"."""
    base, at, cut = name.partition("@")
    return SCORE_TITLES.get(name) or SCORE_TITLES.get(base, base) + at + cut


@dataclass(frozen=True, slots=True)
class Place:
    """Where a probe counts: its benchmark ("" for none) and the category within it."""

    benchmark: str
    category: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a paper's table: mean of ``n`` figures with its 95 % interval, or of other columns (``n`` 0).

    ``category`` is that of its probes; ``EVERY`` where it is over all of the benchmark's, "" where it is a mean of
    columns.
    """

    title: str
    score: str
    n: int
    mean: float
    interval: Interval | None = None
    category: str = ""


def place(probe: Probe, shared: Shared) -> Place:
    """The benchmark and category of a probe, by the published scores that it names."""
    source = str(probe.extra.get("source") or shared.get("source", ""))
    if "locomo-f1" in probe.scores:
        return Place("LoCoMo", str(probe.extra.get("category", 4)))
    if any(source.startswith(prefix) for prefix, *_ in _MAB_COLUMNS):
        return Place("MemoryAgentBench", source)
    if "longmemeval-judge" in probe.scores:
        return Place("LongMemEval", str(probe.extra.get("type", "")))
    dataset = str(probe.extra.get("dataset") or shared.get("dataset", ""))
    if dataset and probe.scores:
        return Place("SCBench" if dataset.startswith("scbench") else "LongBench", dataset)
    for name in probe.scores:
        if name in _GENERATED:
            benchmark, key = _GENERATED[name]
            return Place(benchmark, str(probe.extra.get(key, "")))
    return Place("", "abstention" if probe.abstain else probe.competency)


def title(benchmark: str, category: str) -> str:
    """What a category is called in a table."""
    if benchmark == "LoCoMo":
        return LOCOMO_CATEGORIES.get(category, category)
    return category if benchmark else SHORT.get(category, label(category))


def short_title(benchmark: str, title: str) -> str:
    """A column as a narrow heading has it: MemoryAgentBench's parts as its paper's table calls them (``FC-SH 6k``)."""
    if benchmark != "MemoryAgentBench":
        return title
    prefix, name = next(((p, c) for p, c, _ in _MAB_COLUMNS if title.startswith(p)), ("", title))
    rest = title.removeprefix(prefix).strip("_").split("_")[0] if prefix else ""
    return f"{name} {rest}".strip()


def columns(benchmark: str, figures: Mapping[str, tuple[str, Sequence[float]]]) -> list[Column]:
    """A lane's row in the paper's table.

    Args:
        figures: by category the name of its score and the probes' figures; LongMemEval's questions without an answer
            are there by their type and again as ``abstention``.
    """

    def column(title: str, score: str, values: Sequence[float], category: str) -> Column:
        return Column(title, score, len(values), fmean(values), interval(values), category)

    found = [
        column(title(benchmark, name), score, values, name)
        for name, (score, values) in sorted(figures.items(), key=lambda part: _order(benchmark, part[0]))
        if values and name != ABSTENTION
    ]
    if benchmark == "MemoryAgentBench":
        return _memoryagentbench(found)
    if benchmark == "LongMemEval" and len(found) > 1:
        found.append(Column("task average", found[0].score, 0, fmean(c.mean for c in found)))
    if len(found) > 1:
        every = [value for name, (_, values) in figures.items() if name != ABSTENTION for value in values]
        found.append(column("all", found[0].score, every, EVERY))
    if ABSTENTION in figures:  # counted within their types, too, as in the paper
        score, values = figures[ABSTENTION]
        found.append(column(ABSTENTION, score, values, ABSTENTION))
    return found


def _order(benchmark: str, category: str) -> tuple[int, str]:
    """MemoryAgentBench's parts in the order of its paper's table, everything else by name."""
    prefixes = [prefix for prefix, *_ in _MAB_COLUMNS] if benchmark == "MemoryAgentBench" else []
    return next((n for n, prefix in enumerate(prefixes) if category.startswith(prefix)), len(prefixes)), category


def _memoryagentbench(parts: Sequence[Column]) -> list[Column]:
    """Each part, and per competency the mean of its columns; the sets of in-context learning are one column."""
    averages: list[Column] = []
    for short in ("AR", "TTL", "LRU", "SF"):
        by_column: dict[str, list[float]] = {}
        for part in parts:
            column = next((c for prefix, c, s in _MAB_COLUMNS if s == short and part.title.startswith(prefix)), None)
            if column:
                by_column.setdefault(column, []).append(part.mean)
        if by_column:
            averages.append(Column(short, "", 0, fmean(fmean(values) for values in by_column.values())))
    if len(averages) == 4:
        averages.append(Column("overall", "", 0, fmean(a.mean for a in averages)))
    return [*parts, *averages]
