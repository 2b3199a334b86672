"""Finds the tokens that no value is read from, and trains their embeddings alone.

    python packaging/demo_model/beginnings.py --checkpoint IN --out OUT.pt --minutes 7

Seen in the model of 27 November: seven of its twelve misses of 240 were "rowing". After "I like", ``row`` was no
beginning of a hobby, since training has heard of tulips "in rows", so the value was taken to begin one token later, and
of 1,230 tokens nine were never read as the beginning of anything. Training everything on for 23 minutes with more such
words mended two of three and made more noise than that. What is wrong is what these tokens are taken for when the
layers first see them: so their embeddings move, and nothing else.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import data  # noqa: E402
import operations  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import words  # noqa: E402
from model import Model, Shape  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from train import Progress, keep_freed_memory, started_from  # noqa: E402

from workbench.memory import prompts  # noqa: E402

TOLD = {
    "I enjoy {v} in my spare time.": "What hobby does Noah have?",
    "I like {v} in free time.": "What hobby does Noah have?",
    "I have a {v} as my pet.": "What pet does Noah have?",
    "I like {v} as a sport.": "What sport does Noah do?",
}
"""Statements whose value nothing before it announces, and what is asked."""
AROUND = (
    "Emma: I live in Oslo.",
    "Noah: I am a baker.",
    "Emma: I like reading for fun.",
    "Noah: I love the colour green.",
    "Emma: I keep a cat as a pet.",
    "Noah: I drink tea every day.",
)
SHARE = 0.5
"""Of the invented words that begin with such a token."""
LENGTHS = (200, 400, 400, 700)
"""Tokens of a row."""
TOKENS = 2400
"""Of a step."""
RATE = 4e-3
BATCH = 48


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="of train.py, or a GGUF")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=7.0)
    options = parser.parse_args()
    keep_freed_memory()
    torch.set_flush_denormal(True)
    path: Path = options.checkpoint
    saved = (
        started_from(path, data.FAR)
        if path.suffix == ".gguf"
        else torch.load(path, map_location="cpu", weights_only=True)
    )
    model = Model(Shape(**saved["shape"]))
    model.load_state_dict(saved["averaged"])
    encoder = data.Encoder()
    missed = misread(model, encoder, words.pieces())
    print(f"{missed.total()} values are not read, of {len(missed)} beginnings", flush=True)
    teach(model, encoder, missed, options.minutes)
    left = misread(model, encoder, words.pieces())
    print(f"{left.total()} values are not read, of {len(left)} beginnings: {' '.join(left)}")
    weights = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    torch.save(saved | {"weights": weights, "averaged": weights}, options.out)


@torch.no_grad()
def misread(model: Model, encoder: data.Encoder, beginnings: tuple[str, ...]) -> Counter[str]:
    """How many statements of ``TOLD`` with a value that begins with each token are answered by another first token."""
    asked = sorted(_asked(encoder, beginnings), key=lambda one: len(one[1]))
    missed: Counter[str] = Counter()
    for start in range(0, len(asked), BATCH):
        some = asked[start : start + BATCH]
        ids = nn.utils.rnn.pad_sequence([torch.tensor(ids) for _, ids in some], batch_first=True)
        ends = torch.tensor([len(ids) - 1 for _, ids in some])
        last = model.norm(model.states(ids)[-1][torch.arange(len(some)), ends])
        said = F.linear(last, model.words).argmax(-1)
        missed.update(
            token for (token, _), first in zip(some, said.tolist(), strict=True) if encoder.names[first] != token
        )
    return missed


def _asked(encoder: data.Encoder, beginnings: tuple[str, ...]) -> list[tuple[str, list[int]]]:
    r, asked = random.Random(9), []
    for token in beginnings:
        for told, question in TOLD.items():
            value = token + r.choice(words.ENDINGS)
            alone, after = (encoder.tokenizer.encode(text, add_special_tokens=False) for text in (value, f" {value}"))
            if alone.tokens[0] != token or after.tokens[-len(alone.tokens) :] != alone.tokens:
                continue
            lines = [*AROUND[:2], f"Noah: {told.format(v=value)}", *AROUND[2:]]
            prompt = operations.rendered(prompts.answer(lines, question))
            asked.append((token, encoder.tokenizer.encode(prompt, add_special_tokens=False).ids))
    return asked


def teach(model: Model, encoder: data.Encoder, missed: Counter[str], minutes: float) -> None:
    """Train the embeddings of the tokens of ``missed`` on short rows; the rate falls over the second half."""
    words.hard().missed, words.hard().share = dict(missed), SHARE
    table = model.embedding.weight.detach()
    moving = torch.tensor([encoder.tokenizer.token_to_id(token) for token in missed])
    moved = nn.Parameter(torch.zeros(len(moving), table.shape[1]))
    optimiser = torch.optim.AdamW([moved], RATE, betas=(0.9, 0.98), weight_decay=0.0)
    level = replace(Progress(length=500).level(), repeat=0.0, advanced=0.1)
    inside = (table.any(0)).to(table.dtype)  # a margin of the residual stream stays empty
    r, started, share = random.Random(5), time.monotonic(), 0.0
    while share < 1:
        for group in optimiser.param_groups:
            group["lr"] = RATE * max(0.05, min(1.0, 2 * (1 - share)))
        length = r.choice(LENGTHS)
        rows = data.batch(r, encoder, replace(level, length=length, asking=r.random() < 0.6), TOKENS // length)
        loss(model, table.index_add(0, moving, moved * inside), rows).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        share = (time.monotonic() - started) / (60 * minutes)
    with torch.no_grad():
        model.embedding.weight.index_add_(0, moving, moved * inside)


def loss(model: Model, table: Tensor, rows: list[data.Row]) -> Tensor:
    """Of the answers, with the embeddings ``table``."""
    ids = torch.tensor([row.ids for row in rows])
    asked = (torch.tensor([row.tasks for row in rows])[:, 1:].reshape(-1) != data.READ).nonzero().squeeze(1)
    states = torch.func.functional_call(model, {"embedding.weight": table}, (ids[:, :-1],))
    return F.cross_entropy(states.flatten(0, 1)[asked], ids[:, 1:].reshape(-1)[asked])


if __name__ == "__main__":
    main()
