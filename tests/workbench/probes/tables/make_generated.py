"""Makes the tables of the benchmarks whose sessions this program generates: what their official code says of answers.

``python -m tests.workbench.probes.tables.make_generated CHECKOUTS [PART]`` where CHECKOUTS holds ``LongIns/eval.py``,
``TurtleBench/eval.py``, ``LongICLBench/banking77_infer.py``, ``LongBio/scripts/evaluator.py``,
``HumbleBench/metrics.py``, ``ETBench/compute_metrics.py`` (its data set's; ``tvg_format`` and the three measures are
enough, from any public copy) and ``nncore/temporal.py`` of nncore 0.4.7, on which the last one builds; NumPy in 32 bits
stands in for PyTorch there. Their code is run, not copied.
"""

from __future__ import annotations

import json
import random
import runpy
import sys
import tempfile
import textwrap
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from tests.workbench.probes.tables import make
from tests.workbench.probes.tables.make import module, save, stub

make.SOURCES |= {
    "longins": "Ins-Bench/LongIns-Bench cf8c59b8ed12c6bb2f0b0c6d77125f32be6d3513 eval.py",
    "turtle": "mazzzystar/TurtleBench 6547a5f0cb7097292b900b256d5e824a280acd33 eval.py",
    "longicl": "TIGER-AI-Lab/LongICLBench 9c5da3df908dbd01ae6f259d9669241c1a92fe59 banking77_infer.py",
    "longbio": "Thomasyyj/LongBio-Benchmark 7238f690d9b9bb068ecd4f4c27edc66b3b8fac90 scripts/evaluator.py",
    "humble": "maifoundations/HumbleBench 0a34e682aba78358cc3e2b9f2368f10b00c241db HumbleBench/utils/metrics.py",
    "etbench": "PolyU-ChenLab/ETBench 445f620e86c832bb1d3c0b109637f0d561337232 compute_metrics.py of its data set",
}
SIZE = 600


def longins(root: Path) -> None:
    """``eval.py`` as it stands, over one answer at a time."""
    r, rows = random.Random("longins"), []
    for _ in range(SIZE):
        gold = sorted(r.sample(range(1, 31), r.randint(1, 4)))
        said = _listed(r, [n for n in gold if r.random() < 0.8] + r.sample(range(1, 31), r.choice((0, 0, 1, 3))))
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            Path("results").mkdir()
            Path("data/LIST").mkdir(parents=True)
            Path("results/m_1_LIST.jsonl").write_text(json.dumps({"id": 0, "response": said}), "utf-8")
            Path("data/LIST/1.json").write_text(json.dumps([{"error": gold}]), "utf-8")
            sys.argv = ["eval.py", "--model_name", "m", "--mode", "LIST", "--length", "1"]
            runpy.run_path(str(root / "LongIns/eval.py"), run_name="__main__")
            value = json.loads(Path("f1.json").read_text("utf-8"))["m_1_LIST"]
        rows.append([", ".join(map(str, gold)), said, float(value)])
    save("longins-f1", "longins", rows, ["gold", "answer", "value"])


def _listed(r: random.Random, numbers: list[int]) -> str:
    r.shuffle(numbers)
    inner = ", ".join(map(str, numbers))
    return r.choice((
        f"[{inner}]", f"[{inner}]", f"The wrong ones are [{inner}].", "".join(f"[{n}]" for n in numbers), inner,
        f"Numbers: {inner}", f"[{inner}", f"[No. {inner}] and [99]", f"[[{inner}]]", f"[{inner}]\n[{inner}]",
        f"[{inner[:3]}\n{inner[3:]}]", "", "[]", f"[-{inner}]", f"[{inner}] but not [1, 2, 3]",
    ))  # fmt: skip


def turtle(root: Path) -> None:
    """``process_response`` and ``is_correct``, of answers that are there (an empty one is left out by the caller)."""
    code = module(root / "TurtleBench/eval.py", tqdm=stub("tqdm", tqdm=None), models=stub("models", call_api=None))
    r, rows = random.Random("turtle"), []
    words = {"en": ("Correct", "Incorrect", "Unknown"), "zh": ("对", "错", "不知道")}
    golds = {"en": ("Correct", "Incorrect", "Unknown"), "zh": ("T", "F", "N")}
    for _ in range(SIZE):
        language = r.choice(("en", "en", "zh"))
        gold, word = r.choice(golds[language]), r.choice(words[r.choice((language, language, language, "en"))])
        said = r.choice((
            word, word.lower(), f"{word}.", f" {word}", f"{word}, since the text says so", f"The guess is {word}",
            f"**{word}**", f"\n{word}\n", word.upper(), f"{word}ly", f"Not {word}", "Yes", " ", f"Answer: {word}",
        ))  # fmt: skip
        verdict = code.process_response(said, language)
        rows.append([gold, said, float(code.is_correct(verdict, gold, language))])
    save("turtlebench", "turtle", rows, ["gold", "answer", "value"])


def longicl(root: Path) -> None:
    """The lines of ``banking77_infer.py`` that make a label of an answer and compare it."""
    text = (root / "LongICLBench/banking77_infer.py").read_text("utf-8")
    start, end = text.index("    temp_prompt ="), text.index("        correct += 1")
    code = compile(textwrap.dedent(text[start:end]) + "    correct += 1", "banking77_infer.py", "exec")
    r, rows = random.Random("longicl"), []
    labels = ["age_limit", "card_arrival", "Refund_not_showing_up", "reverted_card_payment?", "top_up_failed"]
    asked = ["When does my card come?", "service query of mine", "May I top up?", "Is there a limit"]
    for _ in range(SIZE):
        query, gold, other = r.choice(asked), r.choice(labels), r.choice(labels)
        label = r.choice((gold, gold, other))
        said = r.choice((
            label, f" {label}\n", label.upper(), f"{label}.", f"intent category: {label}", f"{label}\nservice query: x",
            f"service query: {query}\nintent category: {label}", f"{query} {label}",
            f"{label} service query: y\n{gold}",
            f"service query: {query}\nintent category: {label}\nservice query: {query}\nintent category: {gold}",
            f"The label is {label}", "", f"\n\n{label}", f"{query}\n{label}", f"{label}\n{other}",
        ))  # fmt: skip
        names: dict[str, Any] = {
            "response": said,
            "example": {"text": query, "label": 0},
            "all_labels": [gold],
            "correct": 0,
        }
        with redirect_stdout(StringIO()):
            exec(code, names)
        rows.append([query, gold, said, float(names["correct"])])
    save("longicl-em", "longicl", rows, ["question", "gold", "answer", "value"])


class _Data:
    model_path = "an-instruct-model"

    def __init__(self, bios: list[str]) -> None:
        self.full_data = [{"context": bios}]


def longbio(root: Path) -> None:
    """``GeneralEvaluator``, ``AgeDiffEvaluator`` and ``CitationEvaluator``, of models that follow instructions."""
    code = module(
        root / "LongBio/scripts/evaluator.py",
        torch=stub("torch", Tensor=type("Tensor", (), {})), tqdm=stub("tqdm", tqdm=lambda x: x),
        loguru=stub("loguru", logger=type("L", (), {"debug": lambda *_: None})),
        transformers=stub("transformers", AutoTokenizer=None),
        **{"scripts": stub("scripts"), "scripts.models": stub("scripts.models", OpenSourceModels=None)},
    )  # fmt: skip
    r = random.Random("longbio")
    names = ["Ada Abel", "Bruno Dorn", "Carla Ferro", "Ada Abelson", "Zoe Xu", "Yusuf Weiss"]
    years = {name: r.randrange(20, 60) for name in names}
    years["Zoe Xu"] = years["Ada Abel"]
    bios = [f"Below is the bio of {n}. The age of {n} is {years[n]}. More." for n in names]
    general, apart = code.GeneralEvaluator(_Data([]), False), code.AgeDiffEvaluator(_Data(bios), False)
    cited = code.CitationEvaluator(_Data([]), False)
    facts = ["Porto", "12 May 1970", "São Paulo", "A+B (x)", "chess", "not stated"]
    rows: list[Any] = []
    for number in range(SIZE + 660):
        kind = ("text", "number", "list", "pair", "unstated", "cite")[number % 6] if number < SIZE + 300 else "cite"
        extra: dict[str, Any] = {"longbio": kind}
        if kind == "number":
            gold: Any = r.choice((0, 3, 12, 40))
            said = r.choice((f"{gold}", f"The difference is {gold}.", f"{gold} years, not 5", f"5 or {gold}", "none",
                             "", f"{gold}.0", f"4{gold}", "0", "07"))  # fmt: skip
            value = general.cal_hit(said, gold)
            golds = [str(gold)]
        elif kind == "list":
            golds = r.sample(facts, 3)
            told = r.sample(golds, 3) if r.random() < 0.4 else golds
            said = r.choice((", ".join(told), "\n".join(told).upper(), told[0] + told[1], " ".join(reversed(told)), ""))
            value = general.cal_hit(said, golds)
        elif kind == "pair":
            extra["years"] = years
            gold = r.choice((0, *{abs(a - b) for a in years.values() for b in years.values()}))
            said = " and ".join(r.sample(names, r.choice((1, 2, 2, 2, 3))))
            value = apart.evaluate_and_record([0], [0], ["?"], [said], [gold])[0]
            golds = [str(gold)]
        elif kind == "cite":
            golds, cite = [r.choice(facts)], f"[{r.randrange(30)}]"
            extra |= {"longbio": "text", "cite": cite}
            said = r.choice(
                (f"{golds[0]} {cite}", f"{golds[0]} {cite[:-1]}", f"{cite}", f"{golds[0]}{cite}, [3]", "no [2]")
            )
            value = cited.evaluate_and_record([0], [0], ["?"], [said], [golds[0]], [[cite]])[:2]
        else:
            golds = ["not stated"] if kind == "unstated" else [r.choice(facts)]
            said = r.choice((golds[0], f"It is {golds[0].lower()}!", golds[0][:-1], "", f"{r.choice(facts)}",
                             f"The answer is {golds[0].upper()}.", f" {golds[0]} "))  # fmt: skip
            value = general.cal_hit(said, golds[0])
        first, second = value if isinstance(value, tuple) else (value, None)
        rows.append([extra, [] if kind == "unstated" else golds, said, None if second is None else float(second),
                     float(first)])  # fmt: skip
    save("longbio", "longbio", rows, ["extra", "golds", "answer", "citation", "value"])


def humble(root: Path) -> None:
    """``is_prediction_correct``, and ``E_accuracy`` of ``compute_metrics``."""
    text = (root / "HumbleBench/metrics.py").read_text("utf-8")
    names: dict[str, Any] = {}
    lines = [line for line in text.splitlines() if not line.startswith(("from .io", "from rich"))]
    exec(compile("\n".join(lines), "metrics.py", "exec"), names)
    r, rows = random.Random("humble"), []
    for number in range(2 * SIZE):
        gold = "E" if number % 2 else r.choice("ABCDE")
        letter = r.choice((gold, gold, r.choice("ABCDE")))
        said = r.choice((
            letter, letter, letter.lower(), f"{letter}.", f"({letter})", f"Answer: {letter}", f"{letter}. a kettle",
            f"{letter} or {r.choice('ABCDE')}", f" {letter}", f"**{letter}**", "none of the above", "", f"{letter}_",
            f"The option {letter} is right", f"It is an {letter}", f"{letter}\n",
        ))  # fmt: skip
        last = names["compute_metrics"]([{"prediction": said, "label": gold, "type": "x"}])["Accuracy"]["E_accuracy"]
        rows.append(
            [gold, said, last / 100 if gold == "E" else None, float(names["is_prediction_correct"](said, gold))]
        )
    save("humblebench", "humble", rows, ["gold", "answer", "E_accuracy", "value"])


class _Tensor(np.ndarray):
    """What of a tensor the official code uses, on NumPy in 32 bits."""

    def amax(self, dim: int) -> _Tensor:
        return self.max(axis=dim).view(_Tensor)

    def clamp(self, least: float) -> _Tensor:
        return np.clip(self, np.float32(least), None).view(_Tensor)

    def float(self) -> _Tensor:
        return self.astype(np.float32).view(_Tensor)

    def __array_finalize__(self, made: Any) -> None:
        """Nothing to add."""


def etbench(root: Path) -> None:
    """``tvg_eval``, ``tal_eval`` and ``vhd_eval`` of one sample each, before their figures are rounded."""
    torch = stub("torch", Tensor=lambda x: np.asarray(x, np.float32).view(_Tensor), max=np.maximum, min=np.minimum)
    ops = module(root / "nncore/temporal.py", torch=torch)
    code = module(
        root / "ETBench/compute_metrics.py",
        **{"torch": torch, "nncore": stub("nncore"), "nncore.ops": stub("nncore.ops", temporal_iou=ops.temporal_iou)},
    )
    code.round = lambda value, digits: value
    measures = {"tvg": code.tvg_eval, "epm": code.tvg_eval, "tal": code.tal_eval, "vhd": code.vhd_eval}
    r, rows = random.Random("etbench"), []
    while len(rows) < SIZE + 400:
        task = ("tvg", "tal", "vhd", "epm")[len(rows) % 4]
        starts = sorted(r.sample(range(2, 90), r.randint(1, 3) if task == "tal" else 1))
        spans = [[n / 2, (n + r.randint(1, 20)) / 2] for n in starts]
        said = _timed(r, spans)
        sample = {"a": said, "tgt": spans if task in ("tal", "vhd") else spans[0]}
        try:
            found = measures[task]([sample])
        except (ValueError, ZeroDivisionError):  # the official code ends there
            found = {"F1": 0.0} | ({"mIoU": 0.0} if task in ("tvg", "epm") else {})
        value, overlap = found["F1"], found.get("mIoU")
        rows.append([task, spans, said, None if overlap is None else float(overlap), float(value)])
    save("etbench-f1", "etbench", rows, ["task", "spans", "answer", "IoU", "value"])


def _timed(r: random.Random, spans: list[list[float]]) -> str:
    """An answer with times that are more or less right, in one of many forms."""
    moved = [[max(0.0, s + r.choice((0, 0, -1, 0.3, 2))), e + r.choice((0, 0, 1, -0.4, 3))] for s, e in spans]
    moved = moved[: r.randint(1, len(moved))] + ([[1.0, 3.5]] if r.random() < 0.2 else [])
    s, e = moved[0]
    whole = ", ".join(f"{a:g} - {b:g}" for a, b in moved)
    return r.choice((
        f"The event happens in {whole} seconds.", f"The event happens in {whole} seconds.", whole, f"{s:g}-{e:g}",
        f"from {s:g} to {e:g}", f"{s:g}s to {e:g}s", f"It starts at {s:g}!\nIt ends at {e:g}",
        f"Start time: {s:g}, end: {e:g}",
        f"{e:g} - {s:g}", f"at {s:g}", "It never happens", "", f"00:{int(s):02} - 00:{int(e):02}", f"{s:g}..3 - {e:g}",
        "start 00:01:02\nend 00:01:09", f"between {s:g} and {e:g} seconds", f"-{s:g}", f"{s:g} - {s:g}",
        f"start {s:g}\nend {e:g}\nstart 1\nend 2", f"The event happens in {s:.1f} - {e:.1f}? Or {s:g} - 99",
    ))  # fmt: skip


def main(root: Path, only: str = "") -> None:
    """All tables, or those of one part."""
    for part in (longins, turtle, longicl, longbio, humble, etbench):
        if only in ("", part.__name__):
            part(root)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
