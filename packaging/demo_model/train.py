"""Trains the bundled model from this repository alone: no downloads, every row is generated.

    python packaging/demo_model/train.py --minutes 120 --device auto [--resume]

Checkpoints go to ``out/demo_model/checkpoint.pt`` every two minutes; ``--resume`` goes on from there with everything
(weights, averaged weights, optimiser, level, step). Rows start short and gentle and grow whenever recall, newest value
and labels are all answered well; the learning rate falls over the last fifth of ``--minutes``, at most 50 minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT)]

import data  # noqa: E402
import tokenizer as tokens  # noqa: E402
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import words  # noqa: E402
from data import READ, TASK, TASKS  # noqa: E402
from insight import Insight  # noqa: E402
from model import Model, Shape, deepened  # noqa: E402
from muon import Muon, fast_bfloat16  # noqa: E402

CHECKPOINT = ROOT / "out" / "demo_model" / "checkpoint.pt"
LEARNING_RATE = 2e-3
GROWN_AT = {"recall": 0.85, "newest": 0.8, "labels": 0.88}
"""Running accuracies from which rows grow. Real contexts are long: right often at 400 tokens beats always at 100."""
READ_SHARE = 0.25
"""Share of the tokens outside answers whose loss is computed; the logits of all of them cost a fifth of the time."""
CHANGES = ("order", "teller", "who", "count", "people", "most")
"""Tasks of the rows about changes."""
CHANGES_SHARE = 0.28
"""Share of the steps of long rows that are short rows about changes. A long row asks little, and counts were guessed:
after 240 minutes "how many people" was answered "two" whatever was told."""
INSIGHT = 0.4
"""Weight of the mean loss of the heads of ``insight.py``."""
SHORTER_SHARE = 0.15
"""Share of the other steps that have shorter rows, which hold as many questions and cost half as much. At 0.4 of all,
with as many about changes, a fifth of what was recalled over 2,000 tokens was forgotten in 600 steps."""
ASKING_SHARE = 0.5
"""Share of the long rows that ask much about one memory: of those who told a value before its cue every fifth was
misread while a row of 2,350 tokens asked ten questions."""
OPERATIONS_FROM = 0
"""Length of rows from which memory operations are mixed in."""


@dataclass
class Progress:
    """What training knows besides weights; saved in every checkpoint."""

    step: int = 0
    seconds: float = 0.0
    seen: int = 0
    length: int = 96
    right: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TASKS, 0.0))
    history: list[str] = field(default_factory=list)
    insight: dict[str, float] = field(default_factory=dict)

    def note(self, task: str, share: float) -> None:
        """Move the running accuracy of ``task``."""
        self.right[task] = 0.95 * self.right.get(task, 0.0) + 0.05 * share

    def come_to_know(self, name: str, share: float) -> None:
        """Move the running accuracy of what is read inside the model; nan where nothing was asked."""
        if share == share:
            self.insight[name] = 0.98 * self.insight.get(name, share) + 0.02 * share

    def level(self) -> data.Level:
        """Rows as hard as progress allows."""
        ease = max(0.0, min(1.0, (260 - self.length) / 164))
        solved = self.right["repeat"] > 0.7
        repeat = 0.04 if solved else 0.35
        return data.Level(
            self.length,
            simple=0.8 * ease,
            framed=0.3 + 0.65 * (1 - ease),
            repeat=repeat,
            advanced=0.02 if self.length < 140 else 0.3,
            who=0.2 if self.length < 200 else 0.08,
        )

    def grow(self, longest: int) -> bool:
        """Lengthen the rows when the present ones are answered; True when they grew."""
        if self.length >= longest or any(self.right[task] < bar for task, bar in GROWN_AT.items()):
            return False
        self.length = min(longest, int(self.length * 1.35))
        for task in GROWN_AT:
            self.right[task] -= 0.05
        return True


def keep_freed_memory() -> None:
    """Start again with an allocator that keeps what it has; returning pages every step costs an eighth of the time."""
    if sys.platform == "linux" and "MALLOC_TRIM_THRESHOLD_" not in os.environ:
        os.environ |= {"MALLOC_MMAP_THRESHOLD_": "33000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
        os.execv(sys.executable, [sys.executable, *sys.argv])


def main() -> None:
    """The command line."""
    options = arguments()
    keep_freed_memory()
    rank = fork_workers(options)
    torch.set_flush_denormal(True)  # sharp attention makes denormal numbers, which are many times slower
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = options.device if options.device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
    if options.workers > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{meeting_file(options)}", rank=rank, world_size=options.workers
        )
    run = Run(options, torch.device(device), rank)
    run.train()
    if options.workers > 1:
        dist.destroy_process_group()


def meeting_file(options: argparse.Namespace) -> Path:
    """Where the workers find each other."""
    path: Path = options.checkpoint.with_suffix(".workers").resolve()
    return path


def fork_workers(options: argparse.Namespace) -> int:
    """Start the other workers as copies of this process; the rank of the process that returns.

    Workers with one thread each share a busy machine far better than one process with as many threads, whose threads
    wait for each other at every operation.
    """
    if options.workers == 1:
        return 0
    path = meeting_file(options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    for rank in range(1, options.workers):
        if os.fork() == 0:
            return rank
    return 0


def arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--minutes", type=float, required=True, help="wall clock of the whole training, resumed parts included"
    )
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--start", type=Path, help="begin with the weights of this GGUF, which export.py wrote")
    parser.add_argument("--length", type=int, default=96, help="tokens of the first rows, with --start")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--workers", type=int, default=1, help="processes that share the work; give each one thread")
    parser.add_argument(
        "--tokens", type=int, default=0, help="tokens a step and worker (default 3072 on the CPU, 49152 on a GPU)"
    )
    parser.add_argument("--longest", type=int, default=2048, help="tokens of the longest rows")
    parser.add_argument("--optimiser", default="muon", choices=("muon", "adamw"))
    parser.add_argument("--rate", type=float, default=LEARNING_RATE)
    parser.add_argument(
        "--fall", type=float, help="minutes at the end in which the rate falls (default: a fifth, at most 50)"
    )
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4, help="more than a checkpoint has: it is deepened")
    parser.add_argument("--slowed", type=float, help="divide the slower RoPE frequencies, also of a checkpoint")
    parser.add_argument("--feed-forward", type=int, default=640)
    parser.add_argument("--operations", type=float, default=0.3, help="share of the tokens that are memory operations")
    parser.add_argument("--seed", type=int, default=5)
    return parser.parse_args()


def started_from(path: Path, length: int) -> dict[str, Any]:
    """A checkpoint at step 0 with the weights of an exported model."""
    import export

    shape, arrays = export.read(path)
    weights = {name: torch.tensor(values) for name, values in arrays.items()}
    solved = {"repeat": 0.9}
    progress = asdict(Progress(length=length)) | {"right": dict.fromkeys(TASKS, 0.0) | solved}
    return {"shape": shape, "weights": weights, "averaged": weights, "optimisers": [], "progress": progress}


def with_more_layers(saved: dict[str, Any], layers: int) -> dict[str, Any]:
    """A checkpoint of a deeper model that does what the saved one does; the optimisers begin anew."""
    torch.manual_seed(layers)
    model = Model(Shape(**saved["shape"]))
    model.load_state_dict(saved["averaged"])
    model = deepened(model, layers)
    weights = model.state_dict()
    return saved | {"shape": asdict(model.shape), "weights": weights, "averaged": weights, "optimisers": []}


class Run:
    """One training run: model, optimiser, progress."""

    def __init__(self, options: argparse.Namespace, device: torch.device, rank: int = 0):
        self.options, self.device, self.rank = options, device, rank
        self.encoder = data.Encoder()
        self.tokens = options.tokens or (49152 if device.type == "cuda" else 3072)
        self.progress = Progress()
        saved: dict[str, Any] | None = None
        if options.resume:
            saved = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
        if options.start:
            saved = started_from(options.start, options.length)
        if saved and options.layers > saved["shape"]["layers"]:
            saved = with_more_layers(saved, options.layers)
        shape = Shape(**saved["shape"]) if saved else self.shape()
        if options.slowed:
            shape = replace(shape, slowed=options.slowed)
        self.model = Model(shape).to(device)
        self.insight = Insight(shape.width, shape.layers).to(device)
        self.autocast = device.type == "cuda" or fast_bfloat16()
        self.averaged = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.optimisers = self.make_optimisers()
        if saved:
            self.restore(saved)
        self.operations = data.OperationRows(self.encoder)
        self.measured: tuple[str, ...] = TASKS
        self.warmed_up = self.progress.step + 60 if not (saved and saved["optimisers"]) else 0
        self.random = random.Random(options.seed + 7919 * self.progress.step + 104729 * rank)
        self.common = random.Random(options.seed + 7919 * self.progress.step)
        """The same in all workers: rows of one length take one time."""
        self.started = time.monotonic() - self.progress.seconds

    def shape(self) -> Shape:
        """The shape that the options ask for."""
        o = self.options
        return Shape(self.encoder.size, o.width, o.layers, o.width // 32, o.feed_forward)

    def make_optimisers(self) -> list[torch.optim.Optimizer]:
        """Muon for the matrices of the layers, AdamW for the rest."""
        matrices = [p for p in self.model.blocks.parameters() if p.dim() == 2]
        others = [p for p in self.model.parameters() if not any(p is matrix for matrix in matrices)]
        others += self.insight.parameters()
        rate = self.options.rate
        if self.options.optimiser == "adamw":
            matrices, others = [], matrices + others
        made: list[torch.optim.Optimizer] = [torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.98), weight_decay=0.02)]
        return [*made, Muon(matrices, lr=rate, weight_decay=0.02)] if matrices else made

    def restore(self, saved: dict[str, Any]) -> None:
        """Everything of a checkpoint."""
        self.model.load_state_dict(saved["weights"])
        self.averaged = {name: tensor.to(self.device) for name, tensor in saved["averaged"].items()}
        rate = self.options.rate
        for optimiser, state in zip(self.optimisers, saved["optimisers"] or [], strict=bool(saved["optimisers"])):
            optimiser.load_state_dict(state)
            for group in optimiser.param_groups:
                group["lr"] = rate
        if "insight" in saved:
            self.insight.load_state_dict(saved["insight"])
        self.progress = Progress(**saved["progress"])

    def train(self) -> None:
        """Steps until the minutes are over."""
        saved_at = logged_at = time.monotonic()
        while self.progress.seconds < 60 * self.options.minutes:
            self.step()
            self.progress.seconds = time.monotonic() - self.started
            self.agree()
            if self.rank == 0 and self.progress.grow(self.options.longest):
                self.log("rows grow")
            if time.monotonic() - logged_at > 30:
                self.log()
                logged_at = time.monotonic()
            if time.monotonic() - saved_at > 120:
                self.save()
                saved_at = time.monotonic()
        self.save()
        self.log("done")

    def agree(self) -> None:
        """Every worker goes by the clock and the level of the first."""
        if self.options.workers == 1:
            return
        p = self.progress
        state = torch.tensor([p.seconds, p.length, p.right["repeat"]], dtype=torch.float64)
        dist.broadcast(state, src=0)
        p.seconds, p.length, p.right["repeat"] = state[0].item(), int(state[1].item()), state[2].item()

    def share_gradients(self) -> None:
        """The mean gradient of all workers."""
        if self.options.workers == 1:
            return
        parameters = (*self.model.parameters(), *self.insight.parameters())
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.options.workers
        for parameter, mean in zip(parameters, flat.split([g.numel() for g in gradients]), strict=True):
            parameter.grad = mean.view_as(parameter)

    def rate(self) -> float:
        """Share of the learning rate: a short warm-up, then level, then a fall to nearly nothing."""
        total = 60 * self.options.minutes
        fall = 60 * self.options.fall if self.options.fall else min(0.2 * total, 3000)
        warm = min(1.0, (61 - max(0, self.warmed_up - self.progress.step)) / 60)
        return warm * min(1.0, max(0.03, (total - self.progress.seconds) / fall))

    def step(self) -> None:
        """One update."""
        progress = self.progress
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.options.rate * self.rate()
        for rows in self.batches():
            self.learn(rows)
        self.share_gradients()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        progress.step += 1
        if progress.step % 10 == 0:
            self.average()

    def batches(self) -> list[list[data.Row]]:
        """The rows of one step: as long as the level allows, of any length up to there, or short ones about changes."""
        level = self.progress.level()
        self.measured = tuple(task for task in TASKS if task not in CHANGES)
        if level.length >= 300 and self.common.random() < CHANGES_SHARE:
            length = self.common.randint(96, min(900, level.length))
            level = replace(level, length=length, advanced=0.6, who=0.15, changing=True)
            self.measured = CHANGES
        elif level.length >= 300 and self.common.random() < SHORTER_SHARE:
            level = replace(level, length=self.common.randint(96, min(1100, level.length)))
            self.measured = ()
        elif level.length >= data.FAR:
            level = replace(level, asking=self.common.random() < ASKING_SHARE)
        share = self.options.operations if self.progress.length >= OPERATIONS_FROM else 0.0
        rows = max(1, int(self.tokens * (1 - share)) // level.length)
        made = [data.batch(self.random, self.encoder, level, rows)]
        if share:
            made.append(self.operations.next(self.random, int(self.tokens * share)))
        return made

    def learn(self, made: list[data.Row]) -> None:
        """Forward and backward of one batch."""
        rows = torch.tensor([row.ids for row in made], device=self.device)
        task = torch.tensor([row.tasks for row in made], device=self.device)[:, 1:].reshape(-1)
        target = rows[:, 1:].reshape(-1)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast):
            states = self.model.states(rows[:, :-1])
            heard = torch.rand(task.shape, device=self.device) < READ_SHARE
            kept = ((target != tokens.PAD) & ((task != READ) | heard)).nonzero().squeeze(1)
            hidden = self.model.norm(states[-1].reshape(-1, states[-1].shape[-1])[kept])
            logits = F.linear(hidden, self.model.words)
        first = torch.cat((task.new_tensor([READ]), task[:-1])) == READ
        task, target, first = task[kept], target[kept], first[kept]
        self.note_beginnings(logits.detach(), target, first & (task >= 0) & (task < TASK["note"]))
        losses = F.cross_entropy(logits.float(), target, reduction="none")
        answer = task != READ
        loss = losses[answer].sum() / answer.sum().clamp(min=1) + 0.1 * losses[~answer].sum() / (~answer).sum().clamp(
            min=1
        )
        (loss + INSIGHT * self.seen_through(states, made)).backward()
        self.progress.seen += int((rows != tokens.PAD).sum()) * self.options.workers
        if self.measured and self.progress.step % 2 == 0:
            self.measure(logits.detach(), target, task, first)

    def note_beginnings(self, logits: torch.Tensor, target: torch.Tensor, asked: torch.Tensor) -> None:
        """Tell the maker of words which beginnings of answers were right."""
        right = logits[asked].argmax(-1) == target[asked]
        for token, good in zip(target[asked].tolist(), right.tolist(), strict=True):
            words.hard().note(self.encoder.names[token], good)

    def seen_through(self, states: list[torch.Tensor], made: list[data.Row]) -> torch.Tensor:
        """The loss of what should be known in the middle of the model."""
        known = [(row, at, *fields) for row, one in enumerate(made) for at, fields in one.known]
        if not known:
            return torch.zeros((), device=self.device)
        table = torch.tensor(known, device=self.device)
        losses, right = self.insight.losses(states, self.model.embedding.weight.detach(), table[:, :2], table[:, 2:])
        for name, share in zip(data.Known._fields, right.tolist(), strict=True):
            self.progress.come_to_know(name, share)
        return losses.nan_to_num().sum() / len(losses)

    def measure(self, logits: torch.Tensor, target: torch.Tensor, task: torch.Tensor, first: torch.Tensor) -> None:
        """Running accuracy of each task: answers by their first token, the rest by token without the end."""
        counted = (target != tokens.END) & (first | (task == TASK["repeat"]) | (task >= TASK["note"]))
        logits, target, task = logits[counted], target[counted], task[counted]
        right = (logits.argmax(-1) == target).float()
        total = torch.zeros(len(TASKS) + 1, device=self.device).index_add_(0, task + 1, torch.ones_like(right))
        good = torch.zeros(len(TASKS) + 1, device=self.device).index_add_(0, task + 1, right)
        for name, number in TASK.items():
            if total[number + 1] > 0 and name in self.measured:
                self.progress.note(name, (good[number + 1] / total[number + 1]).item())

    @torch.no_grad()
    def average(self) -> None:
        """Move the averaged weights, which are what is exported."""
        keep = min(0.97, self.progress.step / (self.progress.step + 200))
        for name, tensor in self.model.state_dict().items():
            self.averaged[name].lerp_(tensor, 1 - keep)

    def save(self) -> None:
        """Write the checkpoint in one piece."""
        if self.rank:
            return
        path: Path = self.options.checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        saved = {
            "shape": asdict(self.model.shape),
            "weights": self.model.state_dict(),
            "averaged": self.averaged,
            "insight": self.insight.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "progress": asdict(self.progress),
        }
        torch.save(saved, path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)

    def log(self, remark: str = "") -> None:
        """One line of progress."""
        if self.rank:
            return
        p = self.progress
        right = " ".join(f"{name} {p.right[name]:.2f}" for name in TASKS if p.right.get(name))
        seen = " ".join(f"{name} {share:.2f}" for name, share in p.insight.items())
        speed = p.seen / max(1.0, p.seconds)
        print(
            f"{p.seconds / 60:.1f} min, step {p.step}, rows of {p.length}, {speed:.0f} tokens/s: {right}",
            f"| {seen} {remark}",
            flush=True,
        )


if __name__ == "__main__":
    main()
