"""Measures the bundled model through llama.cpp (never PyTorch): greedy, fresh seeds, held-out words and phrasings.

    python packaging/demo_model/evaluate.py [--model F.gguf] [--split heldout|train] [--contexts N] [--json]

Exit code 1 when a figure misses its bar.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import operations  # noqa: E402

from workbench.memory import prompts  # noqa: E402
from workbench.sessions.model import Session  # noqa: E402
from workbench.sessions.synthesis import asking, generate, kinds, language, vocabulary  # noqa: E402
from workbench.sessions.synthesis.drafting import Draft  # noqa: E402
from workbench.sessions.synthesis.kinds import Options  # noqa: E402
from workbench.sessions.synthesis.vocabulary import Split  # noqa: E402

MODEL = ROOT / "resources" / "models" / "mnemoscope-demo.gguf"
SEED = 90_000
"""Far from every seed of the sample sessions and of training."""


@dataclass
class Tally:
    """How many were right, of how many."""

    right: int = 0
    asked: int = 0
    said_unknown: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, answer: str, gold: tuple[str, ...], question: str) -> None:
        """Count one answer; no gold means that only ``unknown`` is right."""
        said = normal(answer)
        good = said == prompts.UNKNOWN if not gold else said in {normal(g) for g in gold}
        self.right += good
        self.asked += 1
        self.said_unknown += said == prompts.UNKNOWN
        if not good:
            self.wrong.append(f"{question} -> {answer!r}, not {gold}")

    @property
    def share(self) -> float:
        """Right answers of all, 0 to 1."""
        return self.right / max(1, self.asked)


def normal(text: str) -> str:
    """Letters in one case, without spaces and full stop at the ends."""
    return text.strip().strip(".").casefold()


class Player:
    """The model in llama.cpp, greedy."""

    def __init__(self, path: Path, threads: int = 2, context: int = 4096):
        import llama_cpp

        self.library = llama_cpp
        self.llama = llama_cpp.Llama(
            str(path), n_ctx=context, n_threads=threads, n_threads_batch=threads, verbose=False
        )
        self.end = self.llama.token_eos()

    def tokens(self, text: str) -> list[int]:
        """Token ids, control tokens included."""
        return list(self.llama.tokenize(text.encode(), add_bos=False, special=True))

    def complete(self, prompt: str, most: int, grammar: Any = None) -> str:
        """The greedy continuation up to the end token."""
        made: list[int] = []
        for token in self.llama.generate(self.tokens(prompt), temp=0.0, top_k=1, repeat_penalty=1.0, grammar=grammar):
            if token == self.end or len(made) >= most:
                break
            made.append(token)
        return str(self.llama.detokenize(made).decode(errors="replace"))

    def operate(self, operation: prompts.Operation) -> str:
        """The answer to an operation, constrained by its schema when it has one."""
        grammar = None
        if operation.schema is not None:
            grammar = self.library.LlamaGrammar.from_json_schema(json.dumps(operation.schema), verbose=False)
        return self.complete(operations.rendered(operation), operation.max_tokens, grammar)


def ask_all(player: Player, session: Session, tally: Tally, memory: bool = True) -> None:
    """Every probe of a session, with all the turns said so far as context (or none)."""
    for probe in session.probes:
        context = [turn.said for turn in session.turns[: probe.after + 1]] if memory else []
        tally.add(player.operate(prompts.answer(context, probe.question)), probe.gold, probe.question)


def retrieval_session(player: Player, seed: int, split: Split, facts: int = 40, tokens: int = 2000) -> Session:
    """``facts`` facts among small talk, about ``tokens`` tokens in all; ten questions at the end."""
    r = random.Random(seed)
    draft = kinds_start(r, Options(people=8, split=split))
    things = [(person, attribute) for person in draft.people for attribute in language.ATTRIBUTES]
    chosen = r.sample(things, facts)
    used = 60
    while used < tokens - 40 or chosen:
        before = len(draft.turns)
        room = (tokens - 40 - used) / max(1, len(chosen))
        if chosen and r.random() < 30 / max(30, room):
            person, attribute = chosen.pop()
            draft.tell(person, attribute, r.choice(attribute.values(split)))
        else:
            draft.talk()
        used += sum(len(player.tokens(turn.said)) + 1 for turn in draft.turns[before:])
    draft.allow_repeats = True
    while len(draft.probes) < 10:
        asking.ask_value(draft, len(draft.turns) - 1)
    return draft.session(f"retrieval-{seed}")


def kinds_start(r: random.Random, options: Options) -> Draft:
    """An empty draft whose assistant acknowledges little."""
    draft = Draft(r, options.split, r.sample(vocabulary.NAMES.of(options.split), options.people))
    draft.acknowledge = 0.3
    return draft


def sessions(kind: str, count: int, split: Split, **options: Any) -> Iterator[Session]:
    """Fresh sessions of a kind."""
    for number in range(count):
        yield generate(kind, SEED + number, split=split, **options)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    task: str
    measured: float
    n: int
    bar: float | None
    at_least: bool = True
    unit: str = "%"

    @property
    def passed(self) -> bool:
        """Whether the bar is reached; without a bar always."""
        if self.bar is None:
            return True
        return self.measured >= self.bar if self.at_least else self.measured <= self.bar


def answer_rows(player: Player, split: Split, contexts: int, failures: list[str]) -> list[Row]:
    """The four competencies, abstention and the control without memory."""
    retrieval, conflict, labels, long_range, unknown = (Tally() for _ in range(5))
    blind, blind_long = Tally(), Tally()
    long_prompts = [retrieval_session(player, SEED + n, split) for n in range(contexts)]
    plain = {"abstain": 0.0, "split": split}
    for session in long_prompts:
        ask_all(player, session, retrieval)
        ask_all(player, session, blind, memory=False)
    for session in sessions("conflict-resolution", contexts, **plain):  # type: ignore[arg-type]
        ask_all(player, session, conflict)
    for session in sessions("test-time-learning", contexts, labels=12, examples=4, **plain):  # type: ignore[arg-type]
        ask_all(player, session, labels)
    for session in sessions("long-range-understanding", contexts, **plain):  # type: ignore[arg-type]
        ask_all(player, session, long_range)
        ask_all(player, session, blind_long, memory=False)
    for kind in kinds():
        if kind.name != "mixed":
            for session in sessions(kind.name, max(1, contexts // 4), split, abstain=1.0):
                ask_all(player, session, unknown)
    for tally in (retrieval, conflict, labels, long_range, unknown):
        failures += tally.wrong
    answerable = [retrieval, conflict, labels]
    false_unknown = sum(t.said_unknown for t in answerable) / sum(t.asked for t in answerable)
    return [
        _row("accurate retrieval, 40 facts, 2,000 tokens", retrieval, 95),
        _row("conflict resolution, up to 4 versions, newest wins", conflict, 92),
        _row("test-time learning, 12 labels x 4 examples", labels, 90),
        _row("long-range understanding", long_range, 70),
        Row(
            "long-range, points over no memory",
            100 * (long_range.share - blind_long.share),
            long_range.asked,
            30,
            unit="",
        ),
        _row("abstention when never said", unknown, 90),
        Row("false abstention", 100 * false_unknown, sum(t.asked for t in answerable), 3, at_least=False),
        Row("no-memory control, retrieval", 100 * blind.share, blind.asked, 5, at_least=False),
        Row("no-memory control, long-range", 100 * blind_long.share, blind_long.asked, None),
    ]


def _row(task: str, tally: Tally, bar: float | None) -> Row:
    return Row(task, 100 * tally.share, tally.asked, bar)


def operation_rows(player: Player, split: Split, count: int, failures: list[str]) -> list[Row]:
    """Every memory operation: exactly the right JSON; a summary must keep every value.

    One value of up to ten lost fails a summary, so it is also said how many of all values the summaries keep.
    """
    rows = []
    for name in operations.MAKERS:
        tally, values = Tally(), Tally()
        for number in range(count):
            _, sample = operations.sample(random.Random(f"{SEED} {name} {number}"), name, split)
            said = parsed(player.operate(sample.operation))
            good = said == sample.right
            if name == "summarise":
                kept = kept_values(said, sample)
                good = all(kept)
                values.right += sum(kept)
                values.asked += len(kept)
            tally.right += good
            tally.asked += 1
            if not good:
                failures.append(f"{name}: {sample.operation.messages[-1].text!r} -> {said}, not {sample.right}")
        rows.append(_row(f"operation {name}", tally, 90))
        if values.asked:
            rows.append(_row(f"operation {name}, values kept", values, 90))
    return rows


def parsed(text: str) -> Any:
    """The JSON of an answer, or the text itself when it broke off."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def kept_values(said: Any, sample: operations.Sample) -> list[bool]:
    """For every canonical sentence of the right summary whether it is in the summary."""
    summary = said["summary"] if isinstance(said, dict) else ""
    return [part.strip(". ") in summary for part in sample.right["summary"].split(". ")]


def speed_rows(player: Player, path: Path) -> list[Row]:
    """Size of the file, prompt tokens and generated tokens a second."""
    session = generate("mixed", SEED, turns=110)
    prompt = operations.rendered(prompts.answer([turn.said for turn in session.turns], "Where does Mira live?"))
    ids = player.tokens(prompt)[:1024]
    reading = min(_seconds(lambda: (player.llama.reset(), player.llama.eval(ids))) for _ in range(3))
    player.llama.reset()
    player.llama.eval(ids[:64])
    token = ids[0]
    writing = _seconds(lambda: [player.llama.eval([token]) for _ in range(256)])
    return [
        Row("size", path.stat().st_size / 1e6, 1, 20, at_least=False, unit=" MB"),
        Row("prompt tokens a second", len(ids) / reading, 3, 2000, unit=""),
        Row("generated tokens a second", 256 / writing, 1, 300, unit=""),
    ]


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = ["| task | measured | n | bar | |", "|---|---|---|---|---|"]
    for row in rows:
        sign = "" if row.bar is None else f"{'≥' if row.at_least else '≤'} {row.bar:g}{row.unit}"
        lines.append(
            f"| {row.task} | {row.measured:.1f}{row.unit} | {row.n} | {sign} | {'' if row.passed else 'misses'} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--split", default="heldout", choices=("heldout", "train"))
    parser.add_argument("--contexts", type=int, default=10, help="sessions of each kind")
    parser.add_argument("--samples", type=int, default=60, help="samples of each memory operation")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--failures", type=int, default=0, help="print the first wrong answers of each part")
    options = parser.parse_args()
    player = Player(options.model, options.threads)
    failures: list[str] = []
    rows = answer_rows(player, options.split, options.contexts, failures)
    rows += operation_rows(player, options.split, options.samples, failures)
    rows += speed_rows(player, options.model)
    if options.json:
        plain = [{"task": r.task, "measured": r.measured, "n": r.n, "bar": r.bar, "passed": r.passed} for r in rows]
        print(json.dumps({"model": options.model.name, "split": options.split, "rows": plain}, indent=1))
    else:
        print(table(rows))
    random.Random(0).shuffle(failures)
    for line in failures[: options.failures]:
        print(line, file=sys.stderr)
    return 0 if all(row.passed for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
