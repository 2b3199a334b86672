"""Grafts a layer that looks answers up at the ends of lines onto the exported model.

    python packaging/demo_model/graft_lookup.py --start resources/models/mnemoscope-demo.gguf --out IN.pt

Seen in the model of six layers: at the end of every line, after the third block, person, attribute and value are known
(the heads of ``insight.py``), and yet questions looked at the words of the line, of which those before "in my free
time" know the person but not the attribute; what they answered was the same person's pet. Training did not change
that. The graft, placed after the third block, is taught alone where to look (:func:`data.look` knows where the answers
stand) and what to copy from there. The twelve channels of a head that RoPE hardly turns are few for a person and an
attribute among a hundred lines; so all heads get more channels, which never turn and which the other blocks leave
empty. Three blocks are run once over some thousand rows; only the ends of lines, the questions and a few other tokens
are kept, and the block learns from those. Where nothing is to be looked up, it looks at the first tokens and writes
next to nothing.
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
import tokenizer as tokens  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from model import SLOW_FROM, Block, Model, Shape, angles, widened  # noqa: E402
from muon import Muon  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from train import Progress, keep_freed_memory, started_from  # noqa: E402

CHANNELS = 48
"""Of each head: the 32 it had, and sixteen that never turn."""
SHARP = 1.6
"""Length of each row of the first queries and keys."""
ROWS = 8
"""Rows of a step."""
LENGTHS = (300, 700, 1200, 1800, 2350)
"""Tokens of a row."""
OTHERS = 40
"""Other tokens of a row that are kept; the block learns to leave them alone."""
OPERATIONS = 0.2
"""Share of rows that are memory operations, in which nothing is looked up."""
QUIET = 0.5
"""Weight of what is written where nothing is to be."""
RATE = 2e-3


class Kept(NamedTuple):
    """What is kept of a row: some tokens, and what the block should do at some of these.

    Attributes:
        states: the residual stream before the block, ``[token, width]``, float16.
        places: where the tokens stand in the row, ascending, ``[token]``.
        asked: numbers of the tokens at which an answer is looked up, then of those at which nothing is, ``[n]``.
        ends: for each of ``asked`` the tokens to look at, ``[n, token]``, bool.
        answers: first tokens of the answers, ``[m]``: the first ``m`` of ``asked`` have one.
    """

    states: Tensor
    places: Tensor
    asked: Tensor
    ends: Tensor
    answers: Tensor


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="a GGUF that export.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=4000, help="rows to learn from")
    parser.add_argument("--rounds", type=float, default=5.0, help="how often each is learnt from")
    parser.add_argument("--written", type=float, default=0.03, help="what the taught block's output is multiplied by")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that run the three blocks")
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_flush_denormal(True)
    saved = started_from(options.start, max(LENGTHS))
    old = Model(Shape(**saved["shape"]))
    old.load_state_dict(saved["weights"])
    kept = collected(old, options.rows, options.workers)
    torch.manual_seed(1)
    model = widened(old, CHANNELS)
    after = (old.shape.layers + 1) // 2
    shape = replace(model.shape, layers=old.shape.layers + 1)
    block = matching(shape)
    teach(block, model, kept, options.rounds)
    block.output.weight.data *= options.written
    grown = Model(shape)
    blocks: list[nn.Module] = list(model.blocks)
    grown.blocks = nn.ModuleList([*blocks[:after], block, *blocks[after:]])
    grown.embedding, grown.norm = model.embedding, model.norm
    weights = grown.state_dict()
    torch.save(saved | {"shape": asdict(shape), "weights": weights, "averaged": weights}, options.out)


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


def collected(model: Model, rows: int, workers: int) -> list[Kept]:
    """What is kept of ``rows`` rows of training."""
    each = -(-rows // workers)
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        parts = list(pool.map(_collected, [model] * workers, [each] * workers, range(workers)))
    return [Kept(*map(torch.from_numpy, kept)) for part in parts for kept in part]


def _collected(model: Model, rows: int, seed: int) -> list[tuple[object, ...]]:
    torch.set_num_threads(1)
    r, encoder = random.Random(97 + seed), data.Encoder()
    operations = data.OperationRows(encoder)
    level = replace(Progress(length=max(LENGTHS)).level(), repeat=0.0)
    found: list[tuple[object, ...]] = []
    while len(found) < rows:
        if r.random() < OPERATIONS:
            row = operations.next(r, 400)[0]
        else:
            row = data.batch(r, encoder, replace(level, length=r.choice(LENGTHS), asking=r.random() < 0.7), 1)[0]
        kept = keep(r, row, states(model, row))
        found.append(tuple(part.numpy() for part in kept))
        if len(found) % 200 == 0:
            report(f"{len(found)} rows")
    return found


@torch.no_grad()
def states(model: Model, row: data.Row) -> Tensor:
    """The residual stream of a row where the new block will stand, ``[token, width]``."""
    ids = torch.tensor([row.ids[:-1]])
    x = model.embedding(ids)
    for block in list(model.blocks)[: (model.shape.layers + 1) // 2]:
        x = block(x, *angles(model.shape, ids.shape[1], ids.device))
    return x[0]


def keep(r: random.Random, row: data.Row, x: Tensor) -> Kept:
    """The tokens of a row to learn from."""
    told = [(at, ends) for at, ends in row.looks if at < len(x) and ends[0] >= data.SINK]
    known = [at for at, _ in row.known if at < len(x)]
    others = r.sample(range(len(x)), min(OTHERS, len(x)))
    places = sorted({*range(min(data.SINK, len(x))), *known, *others})
    number = {place: n for n, place in enumerate(places)}
    answered = {at for at, _ in told}
    rest = [place for place in places if place not in answered and place >= data.SINK]
    questions = [place for place in rest if row.ids[place] == tokens.ASSISTANT]
    quiet = sorted({*questions, *r.sample(rest, min(OTHERS, len(rest)))})
    ends = torch.zeros(len(told) + len(quiet), len(places), dtype=torch.bool)
    for n, (_, lines) in enumerate(told):
        ends[n, [number[line] for line in lines]] = True
    ends[len(told) :, : data.SINK] = True
    asked = torch.tensor([number[at] for at, _ in told] + [number[at] for at in quiet])
    answers = torch.tensor([row.ids[at + 1] for at, _ in told], dtype=torch.long)
    return Kept(x[places].half(), torch.tensor(places), asked, ends, answers)


def teach(block: Block, model: Model, kept: list[Kept], rounds: float) -> None:
    """Train the block alone; its FFN stays as it is. The rate falls over the second half."""
    matrices = [part.weight for part in (block.query, block.key, block.value, block.output)]
    scale = nn.Parameter(torch.tensor(4.0))
    others = [block.query.bias, block.key.bias, block.value.bias, block.attention_norm.weight, scale]
    optimisers = [torch.optim.AdamW(others, weight_decay=0.0), Muon(matrices, RATE)]
    embedding = (model.embedding.weight * model.norm.weight).detach()
    r, steps = random.Random(1), round(rounds * len(kept) / ROWS)
    for number in range(steps):
        share = number / steps
        rows = r.sample(kept, min(ROWS, len(kept)))
        parts = [losses(block, model.shape, embedding * scale, row) for row in rows]
        loss, seen = (torch.stack(part).nanmean(0) for part in zip(*parts, strict=True))
        loss.backward()
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = RATE * min(1.0, max(0.02, 2 * (1 - share)))
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        report(f"{share:.2f}: {seen[0]:.2f} of the attention on the line, {seen[1]:.2f} copied, quiet {seen[2]:.2f}")


def losses(block: Block, shape: Shape, embedding: Tensor, kept: Kept) -> tuple[Tensor, Tensor]:
    """The loss of one row; and the share of the attention that finds its line, of copies that are right, and of the
    attention that rests where there is nothing to find."""
    cos, sin = (part[kept.places] for part in angles(shape, int(kept.places[-1]) + 1, kept.places.device))
    logs, written = block.look(kept.states.float(), kept.asked, cos, sin)
    place = logs.masked_fill(~kept.ends, -torch.inf).logsumexp(-1)
    told = len(kept.answers)
    loss = -place.mean(0)
    quiet = written[told:].square().sum(-1).mean()
    if not told:
        return loss.mean() + 0.01 * quiet, torch.stack((*torch.full((2,), torch.nan), place.exp().mean())).detach()
    logits = F.linear(F.rms_norm(written[:told], written.shape[-1:]), embedding)
    size = written[:told].square().sum(-1).mean().detach()
    loss = loss[:told].mean() + loss[told:].mean() + F.cross_entropy(logits, kept.answers) + QUIET * quiet / size
    right = (logits.argmax(-1) == kept.answers).float().mean()
    return loss, torch.stack((place[:, :told].exp().mean(), right, place[:, told:].exp().mean())).detach()


_told = 0.0


def report(what: str) -> None:
    """A line every fifteen seconds."""
    global _told
    if time.monotonic() - _told > 15:
        _told = time.monotonic()
        print(what, flush=True)


if __name__ == "__main__":
    main()
