"""Grafts heads that bind a line to its number onto heads of a checkpoint that do nothing.

    python packaging/demo_model/graft_numbers.py --checkpoint IN.pt --out OUT.pt

Seen at step 7,800 of the shipped model's training: recall was 0.9 by first token, while the operations that name
memories by number (relevant, decide, evolve) guessed the number; cutting out any head of layer 1 changed nothing for
them, so no head told a memory's words which line they stand in. The graft is that of ``graft.py`` with another probe:
two silent heads of layer 1 look at the last line number (or number written in the answer), and write it into a
subspace of the residual stream. Silent heads of the later layers get the queries and keys of the heads that match
memories best, read that subspace and put out the number's embedding; others match by the number.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import data  # noqa: E402
import operations  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from graft import IS_NAME, NEAR  # noqa: E402
from model import Block, Model, Shape, angles  # noqa: E402
from torch import Tensor, nn  # noqa: E402

BINDING = (4, 5)
"""Silent heads of layer 1 that become number heads."""
SPEAKING = ((2, 4, 0), (3, 5, 0), (3, 6, 4), (3, 7, 3))
"""Layer, silent head, and the head whose matching it takes over, to put out the number of what it finds."""
MATCHING = ((2, 5), (3, 2))
"""Layer and silent head that match by number and copy what stands there."""
WRITTEN = 0.25
LOUD = 0.04
NUMBERS = 13


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    saved = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    for name in ("weights", "averaged"):
        model = Model(Shape(**saved["shape"]))
        model.load_state_dict(saved[name])
        torch.manual_seed(1)
        graft(model)
        saved[name] = model.state_dict()
    saved["optimisers"] = []
    torch.save(saved, options.out)


@torch.no_grad()
def graft(model: Model) -> None:
    """Change the silent heads in place."""
    ids, is_number = labelled_rows()
    state, final = states(model, ids)
    normed = F.rms_norm(state, (model.shape.width,), None, model.shape.epsilon)
    kept = ids != 0
    probe = fitted(normed[kept], is_number[kept])
    size = model.shape.head
    found = normed[is_number == 1]
    basis = torch.linalg.svd(found - found.mean(0), full_matrices=False).Vh[:size]
    written = nn.init.orthogonal_(torch.empty(model.shape.width, model.shape.width))[:, : len(BINDING) * size]
    scale = state[kept].pow(2).mean().sqrt().item()
    first = model.blocks[1]
    assert isinstance(first, Block)
    for place, head in enumerate(BINDING):
        bind(first, model.shape, head, probe, basis, written[:, place * size : (place + 1) * size], scale)
    emitted = emission(model, ids[is_number == 1], normed[is_number == 1] @ basis.T)
    loud = LOUD * final[kept].pow(2).sum(-1).mean().sqrt().item()
    for layer, head, like in SPEAKING:
        speak(model.blocks[layer], model.shape, head, like, written[:, :size], scale, emitted, loud)  # type: ignore[arg-type]
    for layer, head in MATCHING:
        match(model.blocks[layer], model.shape, head, written[:, size:], scale)  # type: ignore[arg-type]


def labelled_rows(rows: int = 120, length: int = 260) -> tuple[Tensor, Tensor]:
    """Token ids of operations, and 1 at numbers of lines and numbers in the answer."""
    encoder, r = data.Encoder(), random.Random(7)
    ids = torch.zeros(rows, length, dtype=torch.long)
    is_number = torch.zeros(rows, length)
    for row in range(rows):
        name = r.choice(("relevant", "decide", "evolve", "relate", "relations"))
        _, sample = operations.sample(r, name)
        text = operations.rendered(sample.operation) + operations.compact(sample.right)
        encoded = encoder.tokenizer.encode(text, add_special_tokens=False)
        starts = {m.start(1) for m in re.finditer(r"\n(\d+) \| ", text)}
        starts |= {m.start(1) for m in re.finditer(r"(?:\[|,|\":)(\d+)", text)}
        for place, (token, (start, _)) in enumerate(zip(encoded.ids, encoded.offsets, strict=True)):
            if place < length:
                ids[row, place] = token
                is_number[row, place] = float(start in starts)
    return ids, is_number


def states(model: Model, ids: Tensor) -> tuple[Tensor, Tensor]:
    """The residual stream after layer 0 and after the last layer."""
    cos, sin = angles(model.shape, ids.shape[1], ids.device)
    x = state = model.blocks[0](model.embedding(ids), cos, sin)
    for block in model.blocks[1:]:
        x = block(x, cos, sin)
    return state, x


def fitted(normed: Tensor, wanted: Tensor) -> Tensor:
    """Weights that tell a number of a line from everything else."""
    square = normed.T @ normed + torch.eye(normed.shape[-1])
    probe = torch.linalg.solve(square, normed.T @ (2 * wanted - 1))
    missed = (((normed @ probe) > 0) != (wanted > 0)).float().mean().item()
    print(f"the probe for numbers errs on {missed:.2%} of {len(wanted)} tokens, {int(wanted.sum())} numbers")
    return probe


def bind(layer: Block, shape: Shape, head: int, probe: Tensor, basis: Tensor, written: Tensor, scale: float) -> None:
    """The head looks at the last number and writes it."""
    size = shape.head
    at = slice(head * size, (head + 1) * size)
    gain = layer.attention_norm.weight
    for part in (layer.query, layer.key, layer.value):
        part.weight[at], part.bias[at] = 0.0, 0.0
    near = slice(head * size + 2, head * size + 22, 2)
    still = slice(head * size + 26, head * size + 32, 2)
    layer.query.bias[near] = layer.key.bias[near] = NEAR
    layer.query.bias[still] = IS_NAME
    layer.key.weight[still] = IS_NAME * probe / gain
    layer.value.weight[at] = basis / gain
    layer.output.weight[:, at] = WRITTEN * scale * written


def emission(model: Model, tokens: Tensor, read: Tensor) -> Tensor:
    """The map from what is read of a number, ``[size]``, to the direction of its embedding, ``[width]``."""
    wanted = model.embedding.weight[tokens]
    wanted = wanted - wanted.mean(0)
    wanted = wanted / wanted.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    centred = read - read.mean(0)
    ridge = 0.02 * centred.pow(2).sum(-1).mean() * len(read) / read.shape[-1]
    solution = torch.linalg.solve(centred.T @ centred + ridge * torch.eye(read.shape[-1]), centred.T @ wanted)
    error = ((read - read.mean(0)) @ solution - wanted).pow(2).sum(-1).mean().item()
    print(f"numbers are put out with a mean squared error of {error:.3f}")
    return solution


def speak(
    layer: Block, shape: Shape, head: int, like: int, written: Tensor, scale: float, emitted: Tensor, loud: float
) -> None:
    """The head attends as head ``like`` does and puts out the number that is bound there."""
    size = shape.head
    at, other = slice(head * size, (head + 1) * size), slice(like * size, (like + 1) * size)
    for part in (layer.query, layer.key):
        part.weight[at], part.bias[at] = part.weight[other], part.bias[other]
    layer.value.bias[at] = 0.0
    layer.value.weight[at] = written.T / layer.attention_norm.weight
    layer.output.weight[:, at] = loud / WRITTEN * 0.5 * emitted.T


def match(layer: Block, shape: Shape, head: int, written: Tensor, scale: float) -> None:
    """Queries and keys of the head compare bound numbers, in the channels that turn slowly."""
    size = shape.head
    slow = slice(head * size + size // 2, (head + 1) * size)
    reading = (written @ nn.init.orthogonal_(torch.empty(size, size // 2))).T / layer.attention_norm.weight
    layer.query.weight[slow] += 2 * reading
    layer.key.weight[slow] += 2 * reading


if __name__ == "__main__":
    main()
