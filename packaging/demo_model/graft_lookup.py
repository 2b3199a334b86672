"""Grafts a layer that looks answers up at the ends of lines onto the exported model.

    python packaging/demo_model/graft_lookup.py --start resources/models/mnemoscope-demo.gguf --out IN.pt

Seen in the model of six layers: at the end of every line, after the third block, person, attribute and value are known
(the heads of ``insight.py``), and yet questions looked at the words of the line, of which those before "in my free
time" know the person but not the attribute. Training with the words masked did not change that: nothing looked at the
ends of lines, so nothing was learnt about copying from there, and the other way round. So the two halves are taught
apart. The graft, placed after the third block, matches what insight's heads for person and attribute read, in the
channels that RoPE hardly turns, and copies what its head for the value reads. It is trained alone, on where it looks
(:func:`data.look` knows where the answers stand) and on what it copies, in a few minutes, since only three blocks are
run; its output is small at first, and ``train.py`` goes on with all.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import data  # noqa: E402
import torch  # noqa: E402
from insight import Insight, Lookup  # noqa: E402
from model import SLOW_FROM, Block, Model, Shape, angles  # noqa: E402
from muon import Muon, fast_bfloat16  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from train import Progress, keep_freed_memory, started_from  # noqa: E402

SHARP = 1.5
"""Length of each row of the first queries and keys."""
TOKENS = 4096
"""Tokens of a batch."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="a GGUF that export.py wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=float, default=2.0, help="minutes for insight's heads")
    parser.add_argument("--alone", type=float, default=6.0, help="minutes for the new block")
    parser.add_argument("--length", type=int, default=2350)
    parser.add_argument("--written", type=float, default=0.02, help="size of what the new block adds at first")
    options = parser.parse_args()
    keep_freed_memory()
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    saved = started_from(options.start, options.length)
    model = Model(Shape(**saved["shape"]))
    model.load_state_dict(saved["weights"])
    model.requires_grad_(False)
    shape = replace(model.shape, layers=model.shape.layers + 1)
    insight = Insight(shape.width, shape.layers)
    teacher = Teacher(model, options.length)
    teacher.teach_heads(insight, options.heads)
    block, lookup = matching(shape, insight), Lookup(shape.layers)
    grown = Model(shape)
    blocks: list[nn.Module] = list(model.blocks)
    grown.blocks = nn.ModuleList([*blocks[: lookup.block], block, *blocks[lookup.block :]])
    grown.embedding, grown.norm = model.embedding, model.norm
    teacher.teach_block(grown, lookup, options.alone)
    teacher.shrink(block, options.written)
    weights = grown.state_dict()
    saved |= {"shape": asdict(shape), "weights": weights, "averaged": weights, "insight": insight.state_dict()}
    torch.save(saved | {"lookup": lookup.state_dict()}, options.out)


@torch.no_grad()
def matching(shape: Shape, insight: Insight) -> Block:
    """A block that matches person and attribute and copies the value, as well as insight's heads can say it."""
    block = Block(shape)
    for part in (block.query, block.key, block.value, block.output, block.down):
        nn.init.zeros_(part.weight)
    for part in (block.query, block.key, block.value):
        nn.init.zeros_(part.bias)
    slow = 2 * math.ceil(SLOW_FROM * shape.head / 2)
    half = (shape.head - slow) // 2
    person, attribute = insight.words["person"], insight.classes["attribute"]
    for head in range(shape.heads):
        at = head * shape.head + slow
        for code, source in ((0, person), (half, attribute)):
            width = source.weight.shape[0]
            read = torch.randn(half, width) / math.sqrt(width)
            rows = read @ source.weight
            rows *= SHARP / rows.norm(dim=1, keepdim=True)
            block.query.weight[at + code : at + code + half] = rows
            block.key.weight[at + code : at + code + half] = rows
    block.value.weight.copy_(insight.words["value"].weight)
    block.value.bias.copy_(insight.words["value"].bias)
    block.output.weight.copy_(torch.eye(shape.width))
    return block


class Teacher:
    """Rows of training, and the states of the model that stands still."""

    def __init__(self, model: Model, length: int):
        self.model, self.length = model, length
        self.after = (model.shape.layers + 1) // 2 - 1
        """The block behind which the new one stands, so that it is ``Lookup.block`` of the deeper model."""
        self.encoder = data.Encoder()
        self.random = random.Random(97)
        self.bfloat16 = fast_bfloat16()

    def rows(self, longest: int) -> tuple[list[data.Row], Tensor]:
        """A batch of rows, and its tokens."""
        level = replace(Progress(length=self.length).level(), length=self.random.randint(160, longest), repeat=0.0)
        made = data.batch(self.random, self.encoder, level, max(1, TOKENS // level.length))
        return made, torch.tensor([row.ids[:-1] for row in made])

    @torch.no_grad()
    def states(self, tokens: Tensor, blocks: int) -> list[Tensor]:
        """The residual stream after each of the first ``blocks`` blocks."""
        cos, sin = angles(self.model.shape, tokens.shape[1], tokens.device)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bfloat16):
            x, states = self.model.embedding(tokens), []
            for block in list(self.model.blocks)[:blocks]:
                x = block(x, cos, sin)
                states.append(x)
        return states

    def teach_heads(self, insight: Insight, minutes: float) -> None:
        """Fit insight's heads to the model as it is."""
        optimiser = torch.optim.AdamW(insight.parameters(), lr=1e-2)
        for share in clock(minutes):
            made, tokens = self.rows(900)
            states = [state.float() for state in self.states(tokens, len(self.model.blocks))]
            states.insert(self.after + 1, states[self.after])
            known = torch.tensor([(n, at, *fields) for n, row in enumerate(made) for at, fields in row.known])
            losses, right = insight.losses(states, self.model.embedding.weight, known[:, :2], known[:, 2:])
            step(losses.nan_to_num().mean(), [optimiser], [1e-2], share)
            report("heads", share, losses, right)

    def teach_block(self, grown: Model, lookup: Lookup, minutes: float) -> None:
        """Train the new block of ``grown`` alone."""
        block = grown.blocks[self.after + 1]
        assert isinstance(block, Block)
        matrices = [part.weight for part in (block.query, block.key, block.value, block.output)]
        biases = [block.query.bias, block.key.bias, block.value.bias, block.attention_norm.weight]
        optimisers = [torch.optim.AdamW([*biases, *lookup.parameters()], weight_decay=0.0), Muon(matrices, 2e-3)]
        seen = torch.zeros(4)
        for share in clock(minutes):
            made, tokens = self.rows(600 if share < 0.3 else self.length)
            states = [state.float() for state in self.states(tokens, self.after + 1)]
            losses, right = lookup.losses(grown, states, made)
            step(losses.sum(), optimisers, [2e-3, 2e-3], share)
            seen = 0.9 * seen + 0.1 * torch.cat((losses.detach(), right))
            report("block", share, seen[:2], seen[2:])

    @torch.no_grad()
    def shrink(self, block: Block, written: float) -> None:
        """Scale what the block adds to questions to the share ``written`` of the last state's size."""
        made, tokens = self.rows(600)
        states = self.states(tokens, len(self.model.blocks))
        at = torch.tensor([(n, at) for n, row in enumerate(made) for at, _ in row.looks])
        cos, sin = angles(self.model.shape, tokens.shape[1], tokens.device)
        before = states[self.after].float()
        added = (block(before, cos, sin) - before)[at[:, 0], at[:, 1]]
        last = states[-1].float()[at[:, 0], at[:, 1]]
        block.output.weight *= written * last.norm(dim=1).mean() / added.norm(dim=1).mean()


def clock(minutes: float) -> Iterator[float]:
    """The share of the minutes that is over, again and again until they are."""
    started = time.monotonic()
    while (share := (time.monotonic() - started) / (60 * minutes)) < 1:
        yield share


def step(loss: Tensor, optimisers: list[torch.optim.Optimizer], rates: list[float], share: float) -> None:
    """One update; the rate falls over the second half."""
    loss.backward()
    for optimiser, rate in zip(optimisers, rates, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, max(0.02, 2 * (1 - share)))
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


_told = 0.0


def report(what: str, share: float, losses: Tensor, right: Tensor) -> None:
    """A line every fifteen seconds."""
    global _told
    if time.monotonic() - _told > 15:
        _told = time.monotonic()
        shown = " ".join(f"{x:.2f}" for x in losses.tolist()), " ".join(f"{x:.2f}" for x in right.tolist())
        print(f"{what} {share:.2f}: losses {shown[0]}; right {shown[1]}", flush=True)


if __name__ == "__main__":
    main()
