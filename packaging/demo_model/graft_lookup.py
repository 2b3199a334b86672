"""Grafts a layer that looks answers up at the ends of lines onto the exported model.

    python packaging/demo_model/graft_lookup.py --start resources/models/mnemoscope-demo.gguf --out IN.pt

Seen in the model of six layers: at the end of every line, after the third block, person, attribute and value are known
(the heads of ``insight.py``), and yet questions looked at the words of the line, of which those before "in my free
time" know the person but not the attribute; what they answered was the same person's pet. Training did not change
that. The graft reads what the third block leaves and is a second opinion: what it copies goes to the output alone, by
channels of the residual stream that nothing else reads or writes (``model.with_margin``). Written where the later
blocks hear it, it misled them; read after the sixth block instead of the third, questions look for what they are about
to answer. The twelve channels of a head that RoPE hardly turns are few for a person and an attribute among a hundred
lines; so all heads get more channels, which never turn and which the other blocks leave empty (``model.widened``).

The model runs once over some thousand rows. From what is kept of these the graft learns first where to look
(:func:`data.look` knows where the answers stand) and what to copy, then the loss of all answers together with what the
model says by itself.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import data  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from model import SLOW_FROM, Block, Model, Shape, angles, widened, with_margin  # noqa: E402
from muon import Muon  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from train import Progress, keep_freed_memory, started_from  # noqa: E402

CHANNELS = 48
"""Of each head: the 32 it had, and sixteen that never turn."""
MARGIN = 32
"""Channels of the residual stream from the graft to the output; with 64 no more was right."""
LOUDNESS = 0.1
"""Share of what it learnt to write that the graft writes; the output listens as much more closely. So the norms of the
blocks between hardly notice."""
SHARP = 1.6
"""Length of each row of the first queries and keys."""
ROWS = 8
"""Rows of a step."""
LENGTHS = (300, 700, 1200, 1800, 2350)
"""Tokens of a row."""
OPERATIONS = 0.2
"""Share of rows that are memory operations, in which nothing is looked up."""
MOST = 160
"""Answer tokens of a row that a step learns from."""
FIRST = 0.25
"""Share of the steps in which the graft learns to look and to copy, before the model's own answer counts."""
QUIET = 0.003
"""Weight of what is written where nothing is asked, in these."""
LOOKING = 0.5
"""Weight of looking and copying afterwards."""
RATE = 2e-3


class Kept(NamedTuple):
    """What is kept of a row.

    Attributes:
        states: the residual stream before the graft, ``[token, width]``, float16.
        places: tokens at which something is asked, then the tokens before those of answers, ``[n]``.
        last: the residual stream after the last block at ``places``, ``[n, width]``, float16.
        answers: the tokens after ``places``, ``[n]``.
        ends: for each of the first ``m`` of ``places`` the tokens to look at.
    """

    states: Tensor
    places: Tensor
    last: Tensor
    answers: Tensor
    ends: list[list[int]]


class Lookup(nn.Module):
    """The graft: attention that writes ``MARGIN`` channels, and what the output makes of them."""

    def __init__(self, model: Model):
        super().__init__()
        self.shape = replace(model.shape, channels=CHANNELS, pairs=model.shape.turning)
        self.block = matching(self.shape)
        self.read = nn.Parameter(nn.init.orthogonal_(torch.empty(self.shape.width, MARGIN)))
        self.write = nn.Parameter(self.read.detach().t() @ self.block.output.weight.detach())
        self.gain = nn.Parameter(torch.tensor(4.0))
        self.block.output = nn.Identity()  # type: ignore[assignment]
        self.register_buffer("words", (model.words * model.norm.weight).detach())

    def forward(self, kept: Kept) -> tuple[Tensor, Tensor, Tensor]:
        """At ``kept.places``: logarithms of the attention ``[head, n, token]``, what is written ``[n, MARGIN]``, and
        the logits of model and graft together."""
        turned = angles(self.shape, len(kept.states), kept.states.device)
        logs, seen = self.block.look(kept.states.float(), kept.places, *turned)
        written, last = seen @ self.write.t(), kept.last.float()
        square = last.square().sum(-1, keepdim=True) + written.square().sum(-1, keepdim=True)
        logits = F.linear(last, self.words) + self.gain * F.linear(written, self.words @ self.read)
        return logs, written, logits / (square / last.shape[-1] + self.shape.epsilon).sqrt()

    def copied(self, written: Tensor) -> Tensor:
        """Logits by what is written alone."""
        return F.linear(F.rms_norm(written, written.shape[-1:]), 8 * self.words @ self.read)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="a GGUF that export.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=5700, help="rows to learn from")
    parser.add_argument("--rounds", type=float, default=3.0, help="how often each is learnt from")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that run the model")
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_flush_denormal(True)
    saved = started_from(options.start, max(LENGTHS))
    model = Model(Shape(**saved["shape"]))
    model.load_state_dict(saved["weights"])
    kept = collected(model, options.rows, options.workers)
    torch.manual_seed(1)
    lookup = Lookup(model)
    teach(lookup, kept, options.rounds)
    grown = placed(model, lookup)
    weights = grown.state_dict()
    torch.save(saved | {"shape": asdict(grown.shape), "weights": weights, "averaged": weights}, options.out)


def matching(shape: Shape) -> Block:
    """A block whose queries and keys are the same in the channels that hardly turn, and whose FFN adds nothing."""
    block = Block(shape)
    for part in (block.query, block.key, block.value):
        nn.init.zeros_(part.bias)
    slow = 2 * math.ceil(SLOW_FROM * shape.turning)
    code = torch.randn(shape.heads, shape.head - slow, shape.width)
    code *= SHARP / code.norm(dim=-1, keepdim=True)
    code = F.pad(code, (0, 0, slow, 0)).flatten(0, 1)
    for part in (block.query, block.key):
        part.weight.data.copy_(code)
    nn.init.orthogonal_(block.value.weight)
    block.output.weight.data.copy_(0.5 * block.value.weight.t())
    nn.init.zeros_(block.down.weight)
    return block


def before(model: Model) -> int:
    """How many blocks come before the graft."""
    return (model.shape.layers + 1) // 2


def collected(model: Model, rows: int, workers: int) -> list[Kept]:
    """What is kept of ``rows`` rows of training."""
    each = -(-rows // workers)
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        parts = list(pool.map(_collected, [model] * workers, [each] * workers, range(workers)))
    return [_unpacked(arrays, ends) for part in parts for arrays, ends in part]


def _unpacked(arrays: list[np.ndarray], ends: list[list[int]]) -> Kept:
    states, places, last, answers = map(torch.from_numpy, arrays)
    return Kept(states, places, last, answers, ends)


@torch.no_grad()
def _collected(model: Model, rows: int, seed: int) -> list[tuple[list[np.ndarray], list[list[int]]]]:
    torch.set_num_threads(1)
    r, encoder = random.Random(97 + seed), data.Encoder()
    operations = data.OperationRows(encoder)
    level = replace(Progress(length=max(LENGTHS)).level(), repeat=0.0)
    found: list[tuple[list[np.ndarray], list[list[int]]]] = []
    while len(found) < rows:
        if r.random() < OPERATIONS:
            row = operations.next(r, 400)[0]
        else:
            row = data.batch(r, encoder, replace(level, length=r.choice(LENGTHS), asking=r.random() < 0.8), 1)[0]
        states = model.states(torch.tensor([row.ids[:-1]]))
        kept = keep(row, states[before(model) - 1][0], states[-1][0])
        found.append(([part.numpy() for part in kept[:-1]], kept.ends))
        if len(found) % 200 == 0:
            report(f"{len(found)} rows")
    return found


def keep(row: data.Row, states: Tensor, last: Tensor) -> Kept:
    """What to learn from a row."""
    looks = [(at, ends) for at, ends in row.looks if at < len(states)]
    answered = [at for at, task in enumerate(row.tasks[1:]) if task != data.READ]
    places = torch.tensor([at for at, _ in looks] + answered, dtype=torch.long)
    answers = torch.tensor(row.ids)[places + 1]
    return Kept(states.half(), places, last[places].half(), answers, [ends for _, ends in looks])


def teach(lookup: Lookup, kept: list[Kept], rounds: float) -> None:
    """Train the graft; the rate falls over the second half."""
    block = lookup.block
    matrices = [block.query.weight, block.key.weight, block.value.weight, lookup.write, lookup.read]
    others = [block.query.bias, block.key.bias, block.value.bias, block.attention_norm.weight, lookup.gain]
    optimisers = [torch.optim.AdamW(others, weight_decay=0.0), Muon(matrices, RATE, weight_decay=0.0)]
    r, steps = random.Random(1), round(rounds * len(kept) / ROWS)
    for number in range(steps):
        share = number / steps
        parts = [losses(lookup, row, alone=share < FIRST) for row in r.sample(kept, min(ROWS, len(kept)))]
        loss, seen = (torch.stack(part).nanmean(0) for part in zip(*parts, strict=True))
        loss.backward()
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = RATE * min(1.0, max(0.02, 2 * (1 - share)))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        report(f"{share:.2f}: {seen[0]:.2f} of the attention on the line, {seen[1]:.2f} copied, {seen[2]:.2f} answered")


def losses(lookup: Lookup, kept: Kept, alone: bool) -> tuple[Tensor, Tensor]:
    """The loss of one row; and the share of the attention that finds its line, of copies, and of answers' first tokens
    that are right."""
    asked = len(kept.ends)
    rest = asked + torch.randperm(len(kept.places) - asked)[:MOST]
    some = torch.cat((torch.arange(asked), rest))
    kept = kept._replace(places=kept.places[some], last=kept.last[some], answers=kept.answers[some])
    logs, written, logits = lookup(kept)
    answered = F.cross_entropy(logits, kept.answers, reduction="none")
    share = torch.ones(len(some))
    share[asked:] = 0.5
    loss = QUIET * written[asked:].square().sum(-1).mean() if alone else (answered * share).sum() / share.sum()
    seen = torch.full((3,), torch.nan)
    if asked:
        looking, seen[:2] = looked(lookup, kept, logs[:, :asked], written[:asked])
        loss = loss.nan_to_num() + (1.0 if alone else LOOKING) * min(1.0, asked / 20) * looking
        seen[2] = (logits[:asked].argmax(-1) == kept.answers[:asked]).float().mean()
    return loss, seen


def looked(lookup: Lookup, kept: Kept, logs: Tensor, written: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of looking and copying, and the shares that are right, where something is asked."""
    place = torch.stack([logs[:, n, ends].logsumexp(-1) for n, ends in enumerate(kept.ends)], 1)
    told = torch.tensor([ends[0] >= data.SINK for ends in kept.ends])
    if not told.any():
        return -place.mean(), torch.full((2,), torch.nan)
    copies, answers = lookup.copied(written[told]), kept.answers[: len(told)][told]
    right = (copies.argmax(-1) == answers).float().mean()
    shares = torch.stack((place[:, told].exp().amax(0).mean(), right)).detach()
    return F.cross_entropy(copies, answers) - place.mean(), shares


@torch.no_grad()
def placed(model: Model, lookup: Lookup) -> Model:
    """The model with the graft in it."""
    wide = with_margin(widened(model, CHANNELS), MARGIN)
    width, after = model.shape.width, before(model)
    grown = Model(replace(wide.shape, layers=model.shape.layers + 1))
    block, taught = Block(grown.shape), lookup.block
    gain = math.sqrt(width / grown.shape.width)  # norms take the mean over more channels
    for ours, theirs in ((block.query, taught.query), (block.key, taught.key), (block.value, taught.value)):
        ours.weight.copy_(F.pad(theirs.weight, (0, MARGIN)))
        ours.bias.copy_(theirs.bias)
    block.attention_norm.weight.copy_(gain * F.pad(taught.attention_norm.weight, (0, MARGIN), value=1.0))
    block.output.weight.copy_(F.pad(LOUDNESS * lookup.write, (0, 0, width, 0)))
    block.down.weight.zero_()
    blocks = list(wide.blocks)
    grown.blocks = nn.ModuleList([*blocks[:after], block, *blocks[after:]])
    grown.embedding, grown.norm, grown.output = wide.embedding, wide.norm, wide.output
    grown.words[:, width:] = lookup.gain / LOUDNESS * lookup.words @ lookup.read
    return grown


_told = 0.0


def report(what: str) -> None:
    """A line every fifteen seconds."""
    global _told
    if time.monotonic() - _told > 15:
        _told = time.monotonic()
        print(what, flush=True)


if __name__ == "__main__":
    main()
