"""Makes the tables beside it: pairs in our own words, and what each benchmark's official code says of them.

``python -m tests.workbench.probes.tables.make CHECKOUTS [PART]`` where CHECKOUTS holds the official repositories as
``MemoryAgentBench``, ``locomo`` (branch ``code``), ``LongMemEval``, ``LongBench`` and ``MInference``, and LoCoMo's five
first conversations as ``locomo5.json``, with ``rouge``, ``fuzzywuzzy``, ``editdistance`` and ``jieba`` importable.
Their code is run, not copied; tests read the tables alone.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import types
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
MAB = "HUST-AI-HYZ/MemoryAgentBench 455306dcabc3842526eb83cd4e225e5d486c5c5d"
SOURCES = {
    "locomo": "snap-research/locomo 92286325a40764bee61f77824ddb95233b11c4d6 task_eval/evaluation.py",
    "memoryagentbench": f"{MAB} utils/eval_other_utils.py",
    "infbench": f"{MAB} llm_based_eval/summarization_evaluate.py",
    "longmemeval": "xiaowu0162/LongMemEval 9e0b455f4ef0e2ab8f2e582289761153549043fc src/retrieval/eval_utils.py",
    "longbench": "THUDM/LongBench 2e00731f8d0bff23dc4325161044d0ed8af94c1e LongBench/metrics.py and eval.py",
    "scbench": "microsoft/MInference fb56c917f618e8645f1cfc37535afd7424d78f0d scbench/compute_scores.py",
    "repoqa": "microsoft/MInference fb56c917f618e8645f1cfc37535afd7424d78f0d scbench/repo_qa_utils.py",
}
SIZE = 500
"""Pairs a scorer has at least."""

WORDS = """
kayak harbour lantern violin orchard sister pottery marathon glacier bakery compass lighthouse tulip ferry
notebook cello garden museum puppy bicycle mountain camping painting adoption counsellor meditation workshop
hiking running runs ran dying lying skies news generously relational argued arguing arguments happily
happiness fairly flies dies agreed owned sized hoping hopped conditional rational university universe
organization organizer national nations
""".split()  # noqa: SIM905
NAMES = ("José Álvarez", "Ada Quill", "Bo Marsh", "Zoë", "Łukasz", "Müller", "O'Neill", "Anne-Marie", "D. H. Crane")
DATES = (
    "7 May 2023",
    "May 7, 2023",
    "the week before 9 June 2023",
    "2022",
    "June 2023",
    "last Friday",
    "3 weeks",
    "10:30",
)
SMALL = ("yes", "no", "noanswer", "Yes.", "No", "None", "", " ", "a", "the", "and", "A", "B", "(a)", "42", "0", "1,200")
ZH = (
    "我住在北京",
    "东京",
    "他喜欢画画。",
    "北京大学",
    "昨天下午三点，在图书馆",
    "两只猫",
    "没有提到",
    "《红楼梦》",
    "３个苹果！",
    "苹果和梨",
)
KNOWN = (
    "Not mentioned in the conversation", "no information available", "No Information Available.",
    "It is NOT mentioned", "It was never mentioned", "unknown", "I don't know",
    "The information provided is not enough.",
)  # fmt: skip
CASES = (
    ("three weeks", "Ben met the ranger on August 9 after a first talk on July 9. To answer the question we count the "
     "days between both. So the answer is: 4 weeks."),
    ("Tern Point", "I could not find the place in the notes, but the answer is not far: Tern Point is named once."),
    ("got stuck on a plot twist", "He got stuck on a plot twist and couldn't find his way out."),
    ("Rome", "Rome; the exact date is not given."),
    ("no", "No, she has not tried it yet; there is no record of a lesson."),
    ("no", "No information"),
    ("GOLD", "It is GOLD."),
    ("43", "label: 43"),
    ("東京", "私は東京に住んでいます。"),
    ("José", "José did."),
    ("José", unicodedata.normalize("NFD", "José did.")),
    ("Warsaw", "Tomb of the Unknown Soldier, Warsaw"),
    ("Prince", "It was never recorded by Prince"),
)  # fmt: skip


class Words:
    """Seeded inputs: golds, and answers that are more or less like them."""

    def __init__(self, seed: int | str) -> None:
        self.random = random.Random(seed)

    def phrase(self, most: int = 6) -> str:
        """Some words, a name or a date; now and then with commas, articles and punctuation."""
        r = self.random
        if r.random() < 0.25:
            return r.choice((*NAMES, *DATES))
        words = [r.choice(WORDS) for _ in range(r.randint(1, most))]
        if r.random() < 0.4:
            words.insert(r.randrange(len(words) + 1), r.choice(("a", "an", "the", "and", "and the")))
        text = r.choice((" ", " ", " ", ", ", ", ")).join(words)
        return r.choice((text, text, text.capitalize(), text.upper(), f"{text}.", f"{text}; {r.choice(WORDS)} again"))

    def gold(self) -> str:
        """What is asked for."""
        return self.random.choice(SMALL[:7]) if self.random.random() < 0.08 else self.phrase()

    def answer(self, gold: str) -> str:
        """What might be said: the gold, changed, wrapped, or something else."""
        r = self.random
        text = gold if r.random() < 0.75 else self.phrase()
        for _ in range(r.choice((0, 0, 1, 1, 2))):
            text = r.choice(self._changes())(text)
        return r.choice(self._frames())(text)

    def _changes(self) -> tuple[Callable[[str], str], ...]:
        r = self.random
        return (
            str.lower, str.upper, str.title, str.swapcase,
            lambda t: " ".join(r.sample(t.split(), len(t.split()))),
            lambda t: " ".join(w for w in t.split() if r.random() < 0.7),
            lambda t: f"{t} {r.choice(WORDS)}",
            lambda t: f"{r.choice(WORDS)}, {t}",
            lambda t: t.replace(" ", "  ").replace(",", " ,"),
            lambda t: unicodedata.normalize("NFD", t),
            lambda t: t.replace("'", "\u2019"),
            lambda t: t.replace(" ", "-", 1),
            lambda t: " ".join(w + r.choice(("", "s", "ing", "ed", "ly")) for w in t.split()),
        )  # fmt: skip

    def _frames(self) -> tuple[Callable[[str], str], ...]:
        r = self.random
        filler = self.phrase(8)
        return (
            lambda t: t, lambda t: t, lambda t: f"{t}.", lambda t: f" {t}\n", lambda t: f"Answer: {t}",
            lambda t: f"answer:{t}\n{filler}", lambda t: f"{filler}\nAnswer: {t}", lambda t: f"The answer is {t}.",
            lambda t: f"Answer: Answer: {t}", lambda t: f"\u201c{t}\u201d", lambda t: f"{filler}, {t}",
            lambda t: f"\n\n{t}\n{filler}", lambda t: f"It is {t}, and {filler}.", lambda t: f"label: {t}",
            lambda t: r.choice(SMALL), lambda t: r.choice(KNOWN), lambda t: f"{t} {r.choice(KNOWN)}",
        )  # fmt: skip

    def pairs(self, size: int = SIZE) -> Iterator[tuple[str, str]]:
        """The given cases, then random ones."""
        yield from CASES
        for _ in range(size - len(CASES)):
            gold = self.gold()
            yield gold, self.answer(gold)


def module(path: Path, **stubs: types.ModuleType) -> Any:
    """A file as a module; ``stubs`` stand in for what it imports and does not use for scoring."""
    sys.modules.update(stubs)
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(f"official_{path.parent.parent.name}_{path.stem}", path)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def stub(name: str, **members: Any) -> types.ModuleType:
    """A module with these members."""
    made = types.ModuleType(name)
    vars(made).update(members)
    return made


def save(name: str, source: str, rows: list[Any], columns: list[str]) -> None:
    """A table: its head, then a row a line."""
    head = json.dumps({"scorer": name, "source": SOURCES[source], "columns": columns}, ensure_ascii=False)
    lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
    (HERE / f"{name}.jsonl").write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    print(f"{name}: {len(rows)} pairs, {len({json.dumps(row[-1]) for row in rows})} different values")


def locomo(root: Path) -> None:
    """Every category through ``eval_question_answering`` itself."""
    code = module(root / "locomo/task_eval/evaluation.py", bert_score=stub("bert_score", score=None))
    rows: list[Any] = []
    for category in (1, 2, 3, 4, 5):
        for gold, said in Words(category).pairs(SIZE if category == 1 else 200):
            question = {"category": category, "answer": gold, "prediction": said, "evidence": []}
            extra = {"category": 1, "answer": "x", "prediction": "x", "evidence": []}  # it divides by how many
            file = HERE / "pairs.tmp"
            file.write_text(json.dumps({"qa": [question, extra]}), encoding="utf-8")
            rows.append([category, gold, said, float(code.eval_question_answering(str(file))[0][0])])
            file.unlink()
    save("locomo-f1", "locomo", rows, ["category", "gold", "answer", "value"])


def locomo_answers(conversations: list[Any]) -> dict[str, list[str]]:
    """An answer to every question of LoCoMo's conversations, by conversation and in the order of the questions."""
    found = {}
    for sample in conversations:
        words = [Words(f"{sample['sample_id']} {n}") for n in range(len(sample["qa"]))]
        golds = [str(q.get("answer", q.get("adversarial_answer", ""))) for q in sample["qa"]]
        found[sample["sample_id"]] = [w.answer(gold) for w, gold in zip(words, golds, strict=True)]
    return found


def locomo_means(root: Path) -> None:
    """The five means of LoCoMo's first five conversations, by ``eval_question_answering`` and ``evaluation_stats``."""
    code = module(root / "locomo/task_eval/evaluation.py", bert_score=stub("bert_score", score=None))
    conversations = json.loads((root / "locomo5.json").read_text(encoding="utf-8"))
    said = locomo_answers(conversations)
    every: dict[int, list[float]] = {}
    rows: list[Any] = []
    for sample in conversations:
        name = sample["sample_id"]
        asked = [
            q | {"answer": q.get("answer", ""), "prediction": a} for q, a in zip(sample["qa"], said[name], strict=True)
        ]
        file = HERE / "pairs.tmp"
        file.write_text(json.dumps({"qa": asked}), encoding="utf-8")
        values = code.eval_question_answering(str(file))[0]
        file.unlink()
        own: dict[int, list[float]] = {}
        for question, value in zip(asked, values, strict=True):
            for found in (own, every):
                found.setdefault(question["category"], []).append(float(value))
        rows.append([name, _means(own)])
    save("locomo-means", "locomo", [*rows, ["all", _means(every)]], ["conversation", "by category: n, mean"])


def _means(found: dict[int, list[float]]) -> dict[str, list[float]]:
    return {str(c): [len(v), sum(v) / len(v)] for c, v in sorted(found.items())}


def memoryagentbench(root: Path) -> None:
    """All parts through ``post_process``."""
    path = root / "MemoryAgentBench/utils/eval_other_utils.py"
    code = module(path, tiktoken=stub("tiktoken"))
    code.print = lambda *_: None
    table: dict[str, list[Any]] = {name: [] for name in ("em", "substring-em", "icl-em", "eventqa-recall")}
    for n, (gold, said) in enumerate(Words(11).pairs(700)):
        golds = [gold] if n % 3 else [gold, Words(n).phrase()]
        for source in ("ruler_qa1_197K", "eventqa_full", "icl_trec_fine_6400shot_balance"):
            found, _ = code.post_process({"output": said}, golds, {"sub_dataset": source})
            row = [source, golds, said]
            if "icl" in source:
                table["icl-em"].append([*row, float(found["exact_match"])])
                continue
            table["substring-em"].append([*row, float(found["substring_exact_match"])])
            if "eventqa" in source:
                table["eventqa-recall"].append([*row, float(found["eventqa_recall"])])
            else:
                table["em"].append([*row, float(found["exact_match"])])
    for name, rows in table.items():
        save(name, "memoryagentbench", rows, ["source", "golds", "answer", "value"])
    _recsys(code)


def _recsys(code: Any) -> None:
    words = Words(12)
    r = words.random
    titles = sorted({words.phrase(3).title().strip(".,;") for _ in range(220)} - {""})
    catalogue = {
        f"<http://example.org/film/{t.replace(' ', '_')}_({1950 + n % 70}_film)>": n for n, t in enumerate(titles)
    }
    code.json = types.SimpleNamespace(load=lambda _: catalogue)
    code.open = lambda *_: None
    rows: list[Any] = []
    while len(rows) < SIZE:
        named = [r.choice(titles) for _ in range(r.choice((5, 8, 12)))]
        golds = [str(catalogue[key]) for key in r.sample(sorted(catalogue), r.choice((1, 1, 2, 3)))]
        at = r.randrange(len(named) + 1)
        named[at:at] = [code.extract_movie_name(key) for key, n in catalogue.items() if str(n) in golds[:2]]
        misspelt = [t if r.random() < 0.8 else t[1:] or t for t in named]
        lines = [f"{n}. {t}" for n, t in enumerate(misspelt, 1)]
        said = r.choice(
            ("\n".join(lines), ", ".join(misspelt), "Here you are:\n" + "\n".join(lines), "\n".join(misspelt))
        )
        if r.random() < 0.1:
            said = said.replace("\n", " (a classic)\n")
        found, _ = code.post_process({"output": said}, golds, {"sub_dataset": "recsys_redial_full"})
        if _tied(code, said, list(catalogue)):
            continue  # the official code takes any of several nearest titles, by the hash of strings
        rows.append([golds, said, float(found["recsys_recall@5"])])
    save("recsys-recall@5", "memoryagentbench", [[catalogue, "", 0.0], *rows], ["golds", "answer", "value"])


def _tied(code: Any, said: str, catalogue: list[str]) -> bool:
    names = {code.extract_movie_name(key) for key in catalogue}
    for item in code.extract_recommendation_list(said, None)[0][:5]:
        away = sorted(code.edit_distance(item.lower(), name.lower()) for name in names)
        if away[0] == away[1]:
            return True
    return False


class _Counting:
    """Stands in for the judge: what it counts in each summary is given."""

    def __init__(self, counts: list[tuple[int, int, int, int]]) -> None:
        self.counts = counts

    def generate_batch(self, prompt: list[str], batch_file: str) -> list[dict[str, str]]:
        """Three replies a summary, as the official prompts ask for them."""
        replies: list[dict[str, str]] = []
        for fluency, recall, precision, sentences in self.counts:
            for reply in (
                {"fluency": fluency},
                {"supported_key_points": [], "recall": recall},
                {"precision": precision, "sentence_count": sentences},
            ):
                replies.append({"output": f"Reasoning: so it is.\nOutput: {json.dumps(reply)}"})
        return replies


def infbench(root: Path) -> None:
    """What ``check_metrics`` makes of a judge's counts: random ones, none beyond what there is to count."""
    path = root / "MemoryAgentBench/llm_based_eval/summarization_evaluate.py"
    stubs = {"datasets": stub("datasets", load_dataset=None), "dotenv": stub("dotenv", load_dotenv=lambda: None)}
    code = module(path, **stubs)
    r = random.Random(14)
    points = [r.choice((0, 1, 5, 19, 26)) for _ in range(SIZE)]
    sentences = [r.choice((0, 1, 4, 22)) for _ in range(SIZE)]
    counts = [
        (r.choice((0, 1, 1, 1)), r.randint(0, p), r.randint(0, s), s) for p, s in zip(points, sentences, strict=True)
    ]
    known = {str(n): {"keypoints": ["x"] * p, "answer": "x"} for n, p in enumerate(points)}
    code.load_data_from_huggingface = lambda *_: known
    code.print, code.tqdm = (lambda *_: None), (lambda rows: rows)
    file = HERE / "infbench.tmp"
    data = [{"qa_pair_id": str(n), "output": "x", "answer": ["x"]} for n in range(SIZE)]
    file.write_text(json.dumps({"data": data, "averaged_metrics": {}}), encoding="utf-8")
    options = types.SimpleNamespace(huggingface_dataset_name="x")
    found = code.check_metrics(_Counting(counts), str(file), str(HERE / "infbench.out"), options)["data"]
    file.unlink()
    (HERE / "infbench.out").unlink()
    rows = [[p, *c, float(d["gpt-4-scores"]["f1"])] for p, c, d in zip(points, counts, found, strict=True)]
    columns = ["key points", "fluency", "recall", "precision", "sentence_count", "value"]
    save("infbench-judge", "infbench", rows, columns)


def longmemeval(root: Path) -> None:
    """Random rankings of documents of which some are right."""
    np.asfarray = lambda values: np.asarray(values, float)  # type: ignore[attr-defined]  # gone since NumPy 2
    code = module(root / "LongMemEval/src/retrieval/eval_utils.py")
    r = random.Random(21)
    rows: list[Any] = []
    while len(rows) < SIZE + 100:
        size = r.choice((1, 2, 3, 6, 12, 60))
        documents = [f"s{n}_{n % 3}" for n in range(size)]
        right = r.sample(documents, r.randint(1, min(size, 4)))
        order = r.sample(range(size), size)
        k = r.choice((1, 3, 5, 10, 30, 50))
        any_, all_, gain = code.evaluate_retrieval(order, right, documents, k)
        ranks = [rank for rank, n in enumerate(order, 1) if documents[n] in right]
        rows.append([ranks, k, [float(any_), float(all_), float(gain)]])
    save("longmemeval", "longmemeval", rows, ["ranks", "k", "recall-any, recall-all, longmemeval-ndcg"])


def longbench(root: Path) -> None:
    """Every part's metric through ``eval.py``'s loop (100 pairs a call would round; so one at a time)."""
    path = root / "LongBench/LongBench/metrics.py"
    code = module(path)
    sys.modules["metrics"] = code
    evaluate = module(path.with_name("eval.py"))

    def value(dataset: str, said: str, golds: list[str], classes: list[str] | None = None) -> float:
        score = 0.0
        if dataset in ("trec", "triviaqa", "samsum", "lsht"):
            said = said.lstrip("\n").split("\n")[0]
        for gold in golds:
            score = max(score, evaluate.dataset2metric[dataset](said, gold, all_classes=classes))
        assert round(100 * score, 2) == evaluate.scorer(dataset, [said], [golds], classes)
        return float(score)

    columns = ["dataset", "golds", "answer", "value"]
    pairs = list(Words(31).pairs(560))
    rows: list[Any] = [["triviaqa" if n % 4 == 0 else "hotpotqa", [g], a] for n, (g, a) in enumerate(pairs)]
    save("longbench-f1", "longbench", [[*row, value(row[0], row[2], row[1])] for row in rows], columns)
    summaries = [_summary(Words(n)) for n in range(SIZE)] + [(g, a) for g, a in pairs[:60]]
    rows = [["samsum" if n % 5 == 0 else "qmsum", [g], a] for n, (g, a) in enumerate(summaries)]
    save("rouge-l", "longbench", [[*row, value(row[0], row[2], row[1])] for row in rows], columns)
    rows = [["lcc", [g], a] for g, a in map(_code, range(SIZE))]
    save("code-sim", "longbench", [[*row, value(*_turned(row))] for row in rows], columns)
    r = random.Random(33)
    rows = [["passage_count", [str(r.randint(1, 30))], _numbers(r)] for _ in range(SIZE)]
    save("longbench-count", "longbench", [[*row, value(*_turned(row))] for row in rows], columns)
    named = (("passage_retrieval_en", "Paragraph {}"), ("passage_retrieval_zh", "段落{}"))
    rows = [[d, [form.format(r.randint(1, 30))], _numbers(r, form)] for d, form in named for _ in range(SIZE // 2)]
    save("longbench-retrieval", "longbench", [[*row, value(*_turned(row))] for row in rows], columns)
    classes = [
        "City",
        "Other city",
        "Other",
        "Date",
        "Expression abbreviated",
        "Abbreviation",
        "abb",
        "Group",
        "Individual",
    ]
    rows = [["trec", [r.choice(classes)], _classes(r, classes)] for _ in range(SIZE)]
    save("longbench-class", "longbench", [[classes, [], "", 0.0]]
         + [[*row, value(row[0], row[2], row[1], classes)] for row in rows], columns)  # fmt: skip
    zh = [(g, r.choice((g, g + r.choice(ZH), r.choice(ZH), f"{r.choice(ZH)}，{g}。", f" {g} ok"))) for g in map(lambda n: "".join(r.sample(ZH, 1 + n % 3)), range(SIZE))]  # fmt: skip  # noqa: E501
    rows = [["multifieldqa_zh", [g], a] for g, a in zh]
    save("longbench-f1-zh", "longbench", [[*row, value(*_turned(row))] for row in rows], columns)
    rows = [["vcsum", [g], a] for g, a in zh]
    save("rouge-l-zh", "longbench", [[*row, value(*_turned(row))] for row in rows], columns)


def _turned(row: list[Any]) -> tuple[str, str, list[str]]:
    return row[0], row[2], row[1]


def _summary(words: Words) -> tuple[str, str]:
    r = words.random
    gold = ". ".join(words.phrase(9) for _ in range(r.randint(1, 4)))
    parts = gold.split(". ")
    kept = [p if r.random() < 0.6 else words.phrase(9) for p in r.sample(parts, len(parts))]
    said = r.choice((". ", ".", "\n", ".  ")).join(kept)
    return gold, r.choice((said, said, f"{said}.", said.lower(), "", ".", " ", f"\n{said}\n{words.phrase()}"))


def _code(seed: int) -> tuple[str, str]:
    words = Words(1000 + seed)
    r = words.random
    names = [r.choice(WORDS) for _ in range(3)]
    gold = r.choice(("    return {0}({1}, {2})", "{0} = {1}.{2}()", "if ({0} == {1}) {{ {2}++; }}", "")).format(*names)
    said = gold if r.random() < 0.6 else gold.replace(names[0], names[2])
    if r.random() < 0.2:
        said = "x" * 150 + said + " and ".join(r.choice(WORDS) for _ in range(20))
    frame = r.choice(("{}", "\n\n{}\nreturn", "```python\n{}\n```", "# {0}\n{0}", "// no\n{}", "`{}`", "  {}"))
    return gold, frame.format(said)


def _numbers(r: random.Random, form: str = "{}") -> str:
    named = [form.format(r.randint(1, 30)) for _ in range(r.choice((0, 1, 1, 1, 2, 3)))]
    return r.choice(("{}", "The answer is {}.", "{}\n", "007 {}")).format(" or ".join(named))


def _classes(r: random.Random, classes: list[str]) -> str:
    named = r.choice((" ", ", ", " or ", "\n")).join(r.sample(classes, r.choice((0, 1, 1, 2, 3))))
    return r.choice(("{}", "Type: {}", "\n{}\nQuestion: what next")).format(named)


def scbench(root: Path) -> None:
    """Every task that has a figure here through ``get_score_one``."""
    rouge = __import__("rouge_score.rouge_scorer", fromlist=["RougeScorer"])

    class Rouge:
        """What ``evaluate.load("rouge")`` computes (``rouge.py`` of that package: RougeScorer without a stemmer)."""

        def compute(
            self, predictions: list[str], references: list[str], use_aggregator: bool
        ) -> dict[str, list[float]]:
            scorer = rouge.RougeScorer(["rougeLsum"], use_stemmer=False)
            return {
                "rougeLsum": [
                    scorer.score(r, p)["rougeLsum"].fmeasure for r, p in zip(references, predictions, strict=True)
                ]
            }

    path = root / "MInference/scbench/compute_scores.py"
    stubs = {"args": stub("args", parse_args=None), "repo_qa_utils": stub("repo_qa_utils", compute_score=None)}
    code = module(path, evaluate=stub("evaluate", load=lambda _: Rouge()), **stubs)
    rows: list[Any] = []
    for task in (
        "scbench_kv", "scbench_passkey", "scbench_mf", "scbench_vt", "scbench_many_shot", "scbench_qa_eng",
        "scbench_qa_chn", "scbench_choice_eng", "scbench_summary",
    ):  # fmt: skip
        known = code.Multiturnbench_to_Infinitebench.get(task, task)
        for golds, said, label in _scbench(task, Words(len(rows))):
            rows.append([task, golds, said, code.get_score_one(said, label, known, "model")])
    save("scbench", "scbench", rows, ["dataset", "golds", "answer", "value"])


def _scbench(task: str, words: Words) -> Iterator[tuple[list[str], str, Any]]:
    r = words.random
    for gold, said in words.pairs(100):
        if task == "scbench_kv":
            yield [gold], said, gold
        elif task == "scbench_passkey":
            number = str(r.randint(1, 99999))
            yield [number], r.choice((number, f"It is {number}.", "7 " + number, said)), [number]
        elif task == "scbench_mf":
            value = r.choice((r.randint(0, 40), r.randint(0, 400) / 4))
            yield [str(value)], r.choice((f"{value}", f"is {value}.", f"{value}.5", said)), value
        elif task == "scbench_choice_eng":
            right = [r.choice("ABCD"), gold]
            frame = r.choice(
                ("{}", "{}.", "The answer is: {}", "answer: {}", "The option is {}", "I say {} now", '"{}"')
            )
            yield right, frame.format(r.choice((*right, r.choice("ABCD"), said))), right
        elif task == "scbench_qa_chn":
            text = "".join(r.sample(ZH, 2))
            yield [text], r.choice((text, text[2:], r.choice(ZH), text + " ok")), [text]
        elif task == "scbench_summary":
            one, other = _summary(words)
            yield [one], other, one
        else:
            golds = [gold, words.phrase(2)]
            yield golds, said, golds


def _forms() -> dict[str, list[str]]:
    """Functions of our own in RepoQA's languages, with room for names and numbers."""
    found: dict[str, list[str]] = {}
    for part in (HERE / "functions.txt").read_text(encoding="utf-8").split("=== ")[1:]:
        lang, form = part.split("\n", 1)
        found.setdefault(lang, []).append(form.removesuffix("\n"))
    return found


_NOT_FUNCTIONS = (
    "", "x = 1", "class A:\n    pass", "int value = 4;", "// nothing", "fn", "def broken(",
    "func (s *Shape) Area() int {\n\treturn 4\n}",
    "int Shape::area() const {\n  return 4;\n}", "const f = (x: number) => x + 1;", "lambda x: x", "東京",
)  # fmt: skip


def _function(words: Words, form: str, name: str) -> str:
    r = words.random
    a, b, *doc = r.sample([w for w in WORDS if w != "and"], 7)
    return form.format(name=name, a=a, b=b, k=r.randint(2, 97), doc=" ".join(doc))


def _repeated(words: Words, needles: list[dict[str, str]], lang: str) -> str:
    """What might be said when one of these functions was asked for."""
    r = words.random
    own = r.choice(needles)["code"]
    lines = own.split("\n")
    code = r.choice((
        lambda: own, lambda: own, lambda: own, lambda: own.replace("total", "sum"), lambda: "\n".join(lines[:-1]),
        lambda: own.replace("return", "yield", 1), lambda: "\n".join(lines[1:]), lambda: own.replace("    ", "\t"),
        lambda: own + "\n\n" + r.choice(needles)["code"], lambda: r.choice(_NOT_FUNCTIONS),
        lambda: r.choice(_NOT_FUNCTIONS) + "\n\n" + own, lambda: " ".join(own.split()), lambda: own.upper(),
        lambda: "\n".join(line for line in lines if r.random() < 0.85), lambda: own.replace(" ", "  "),
    ))()  # fmt: skip
    other, filler = r.choice(_NOT_FUNCTIONS), words.phrase(8)
    return r.choice((
        "{code}", "```{lang}\n{code}\n```", "```{lang}\n{code}\n```", "```\n{code}\n```\n", "```{lang}\n{code}",
        "{filler}:\n\n```{lang}\n{code}\n```\n{filler}.", "```{lang}\n{other}\n```\n```{lang}\n{code}\n```",
        "```{lang}\n{code}\n```\n```{lang}\n{other}\n```", "    ```{lang}\n    {code}\n    ```",
        "``` {lang}\n{code}\n```",
        "```{lang} \n\n{code}\n```", "`{code}`", "```c++\n{code}\n```", "{filler}\n{code}\n{filler}", "```{lang}\n```",
        "```{lang}\n{code}\n   ```\n", "~~~\n{code}\n~~~", "```{lang}\r\n{code}\r\n```",
    )).format(code=code, lang=lang, other=other, filler=filler)  # fmt: skip


def repoqa(root: Path) -> None:
    """``compute_score`` itself, one answer at a time: right is ``pass@1`` at its threshold 0.8."""
    stubs = {"tempdir": stub("tempdir"), "transformers": stub("transformers", AutoConfig=None)}
    code = module(root / "MInference/scbench/repo_qa_utils.py", **stubs)
    code.print_result_table = lambda *_: None
    code.progress = lambda _: nullcontext(types.SimpleNamespace(track=lambda rows: rows))
    repos: dict[str, list[dict[str, str]]] = {}
    rows: list[Any] = []
    for lang, forms in _forms().items():
        words = Words(f"repo {lang}")
        for n in range(2):
            names = words.random.sample([w for w in WORDS if w != "and"], 6)
            repos[f"{lang}/{n}"] = [
                {"name": name, "code": _function(words, forms[k % 3], name)} for k, name in enumerate(names)
            ]
        for _ in range(100):
            repo = words.random.choice((f"{lang}/0", f"{lang}/1"))
            needles = repos[repo]
            wanted = words.random.choice(needles)
            said = _repeated(words, needles if words.random.random() < 0.4 else [wanted], lang)
            about = {"func_name": wanted["name"], "ground_truth": wanted["code"]}
            asked = {"lang": lang, "repo": repo, "prediction": said, **about}
            known = [{"needle": n["code"], "name": n["name"]} for n in needles]
            found = code.compute_score("m", [asked], [wanted["code"]], {repo: known})
            rows.append([lang, repo, wanted["name"], said, float(found["m"]["scores"]["all"][0.8]["pass@1"])])
    save(
        "scbench-repoqa",
        "repoqa",
        [[repos, "", "", "", 0.0], *rows],
        ["language", "repo", "function", "answer", "value"],
    )


def main(root: Path, only: str = "") -> None:
    """All tables, or those of one part."""
    for part in (locomo, locomo_means, memoryagentbench, infbench, longmemeval, longbench, scbench, repoqa):
        if only in ("", part.__name__):
            part(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
