"""The exported model is, in llama.cpp, the model that was trained: same tokens, same logits."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bundled model is trained with the extra 'train'")
pytest.importorskip("tokenizers", reason="the bundled model is trained with the extra 'train'")

import beginnings  # noqa: E402
import data  # noqa: E402
import export  # noqa: E402
import graft_lookup  # noqa: E402
import llama_cpp  # noqa: E402
import operations  # noqa: E402
import tokenizer as tokens  # noqa: E402
import torch.nn.functional as F  # noqa: E402
import words  # noqa: E402
from model import (  # noqa: E402
    Block,
    Model,
    Shape,
    angles,
    deepened,
    frequencies,
    rope_factors,
    widened,
    with_margin,
)


@pytest.fixture(scope="module")
def trained() -> Model:
    """A fresh model: its half-built circuits make its attention as sharp as a trained one's."""
    torch.manual_seed(3)
    return Model(Shape(data.Encoder().size, width=64, layers=2, heads=2, feed_forward=96, slowed=4.0)).eval()


@pytest.fixture(scope="module")
def exported(trained: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "small.gguf"
    weights = {name: tensor.float().numpy() for name, tensor in trained.state_dict().items()}
    export.write(path, asdict(trained.shape), weights, "f16")
    return path


def test_llama_cpp_computes_what_pytorch_computes(trained: Model, exported: Path) -> None:
    ids = [int(i) for i in np.random.default_rng(1).integers(5, trained.shape.vocabulary, 300)]
    with torch.no_grad():
        expected = trained(torch.tensor([ids]))[0].numpy()
    llama = llama_cpp.Llama(str(exported), n_ctx=320, logits_all=True, verbose=False)
    llama.eval(ids)
    found = np.array(llama.scores[: len(ids)])
    scale = float(np.abs(expected).max())
    assert np.abs(found - expected).max() < 0.01 * scale
    assert (found.argmax(-1) == expected.argmax(-1)).mean() > 0.95


def test_a_deeper_model_begins_as_the_same_function(trained: Model) -> None:
    ids = torch.randint(5, trained.shape.vocabulary, (2, 40))
    torch.manual_seed(4)
    deeper = deepened(trained, 5).eval()
    with torch.no_grad():
        assert torch.equal(deeper(ids), trained(ids))
    assert deeper.shape.layers == 5 == len(deeper.blocks)
    blocks = [block for block in deeper.blocks if isinstance(block, Block)]
    assert [bool(block.output.weight.any()) for block in blocks] == [True, True, False, False, False]
    assert blocks[2].value.weight.any(), "what a new layer reads is not nothing, or it would never learn"


STRINGS = (
    "emoji 🙂 and 日本語, ñandú, Привет",
    "  two  spaces\n\n\nlines \t tab",
    "it's we'LL 12345 3.14 a_b <|x|> {\"k\":[1,2]}",
    "",
    " ",
    "\n",
    "MIRA Mira mira 2025-03-02",
)


def test_llama_cpp_tokenizes_identically(exported: Path) -> None:
    llama = llama_cpp.Llama(str(exported), vocab_only=True, verbose=False)
    encoder = data.Encoder()
    r = random.Random(5)
    texts = list(STRINGS)
    for _ in range(100):
        _, sample = operations.sample(r, split=r.choice(("train", "heldout")))  # type: ignore[arg-type]
        texts.append(operations.rendered(sample.operation) + operations.compact(sample.right) + "<|end|>")
        texts.append("".join(piece.text for piece in data.stream(r, data.Level(250))))
    for text in texts:
        ids = llama.tokenize(text.encode(), add_bos=False, special=True)
        assert ids == encoder.tokenizer.encode(text, add_special_tokens=False).ids, text
        assert llama.detokenize(ids, special=True).decode() == text


def test_the_file_says_what_it_is(exported: Path) -> None:
    llama = llama_cpp.Llama(str(exported), vocab_only=True, verbose=False)
    assert llama.metadata["general.architecture"] == "llama"
    assert "<|assistant|>" in llama.metadata["tokenizer.chat_template"]
    assert llama.detokenize([llama.token_eos()], special=True) == b"<|end|>"


def test_a_fresh_model_already_continues_repeated_segments() -> None:
    torch.manual_seed(1)
    encoder = data.Encoder()
    model = Model(Shape(encoder.size)).eval()
    r = random.Random(1)
    rows = [data.repeat_row(r, encoder.size, 97) for _ in range(8)]
    ids = torch.tensor([row.ids for row in rows])
    asked = torch.tensor([row.tasks for row in rows])[:, 1:] == data.TASK["repeat"]
    with torch.no_grad():
        right = model(ids[:, :-1]).argmax(-1) == ids[:, 1:]
    assert right[asked].float().mean() > 0.2


def test_training_resumes_where_it_stopped(tmp_path: Path, root: Path) -> None:
    def train(*arguments: str) -> dict[str, object]:
        command = [sys.executable, str(root / "packaging/demo_model/train.py"), "--checkpoint", str(tmp_path / "c.pt")]
        small = ["--width", "64", "--layers", "2", "--feed-forward", "64", "--tokens", "384", "--threads", "1"]
        subprocess.run([*command, *small, *arguments], check=True, timeout=120, capture_output=True)
        saved = torch.load(tmp_path / "c.pt", weights_only=True)
        return dict(saved["progress"])

    first = train("--minutes", "0.02")
    again = train("--minutes", "0.05", "--resume")
    assert int(str(again["step"])) > int(str(first["step"])) > 0
    assert float(str(again["seconds"])) > float(str(first["seconds"]))


def test_an_exported_model_can_be_read_back(trained: Model, exported: Path) -> None:
    shape, weights = export.read(exported)
    assert {**asdict(trained.shape), **shape} == asdict(trained.shape)
    for name, tensor in trained.state_dict().items():
        assert np.abs(weights[name] - tensor.numpy()).max() < 1e-3 * max(1.0, float(tensor.abs().max())), name


def test_a_mixture_lies_between(trained: Model, exported: Path) -> None:
    old = export.read(exported)[1]
    new = {name: values + 1 for name, values in old.items()}
    mixed = export.mixed(new, old, 0.85)
    assert set(mixed) == set(old)
    assert all(np.allclose(mixed[name] - old[name], 0.85, atol=1e-5) for name in old)


def test_what_a_block_looks_at_is_what_it_attends_to(trained: Model) -> None:
    torch.manual_seed(7)
    block, x = trained.blocks[1], torch.randn(30, 64)
    assert isinstance(block, Block)
    cos, sin = angles(trained.shape, 30, x.device)
    at = torch.tensor([4, 29])
    with torch.no_grad():
        block.down.weight, kept = torch.nn.Parameter(torch.zeros_like(block.down.weight)), block.down.weight
        whole = block(x[None], cos, sin)[0]
        block.down.weight = kept
        logs, written = block.look(x, at, cos, sin)
    assert torch.allclose(whole[at], x[at] + written, atol=1e-4)
    assert torch.allclose(logs.exp().sum(-1), torch.ones(2, 2), atol=1e-4) and not logs.exp()[:, 0, 5:].any()


def test_the_place_of_an_answer_is_the_newest_line_that_tells_it() -> None:
    city = next(attribute for attribute in data.ATTRIBUTES if attribute.name == "city")
    number = data.ATTRIBUTES.index(city)

    def line(person: str, value: str) -> list[data.Piece]:
        return [
            data.Piece(f"{person}: I live in {value}."),
            data.Piece("\n", data.READ, data.Known(person, value, attribute=number)),
        ]

    def question(person: str, answer: str) -> list[data.Piece]:
        text = f"Question\nWhere does {person} live?<|end|><|assistant|>"
        return [data.Piece(text, data.READ, data.asked_about("value", person, city)), data.Piece(f"{answer}<|end|>", 1)]

    pieces = [*line("Mira", "Oslo"), *line("Paul", "Rome"), *line("Mira", "Bern"), *question("Mira", "Bern")]
    row = data.Encoder().rows([pieces + question("Nora", "unknown")])[0]
    ends = [at for at, _ in row.known if row.ids[at] != tokens.ASSISTANT]
    asked = [at for at, token in enumerate(row.ids) if token == tokens.ASSISTANT]
    assert row.looks == [(asked[0], [ends[2]]), (asked[1], [0, 1, 2, 3])]
    text = data.Encoder().tokenizer.decode(row.ids[ends[0] + 1 : ends[1] + 1])
    assert text == "Paul: I live in Rome.\n"


def in_llama_cpp(model: Model, path: Path, ids: list[int]) -> np.ndarray:
    """The logits of the model in llama.cpp, exported to ``path``."""
    export.write(path, asdict(model.shape), {name: part.numpy() for name, part in model.state_dict().items()}, "f16")
    llama = llama_cpp.Llama(str(path), n_ctx=320, logits_all=True, verbose=False)
    llama.eval(ids)
    return np.array(llama.scores[: len(ids)])


def test_wider_heads_begin_as_the_same_function(trained: Model, tmp_path: Path) -> None:
    wide = widened(trained, 48).eval()
    ids = [int(i) for i in np.random.default_rng(2).integers(5, trained.shape.vocabulary, 300)]
    with torch.no_grad():
        expected, found = trained(torch.tensor([ids]))[0], wide(torch.tensor([ids]))[0]
    scale = float(expected.abs().max())
    assert float((found - expected).abs().max()) < 1e-4 * scale
    path = tmp_path / "wide.gguf"
    assert np.abs(in_llama_cpp(wide, path, ids) - expected.numpy()).max() < 0.01 * scale
    shape = export.read(path)[0]
    assert shape["channels"] == 48 and shape["slowed"] == pytest.approx(trained.shape.slowed)


def test_new_channels_never_turn_and_the_others_as_before(trained: Model) -> None:
    old, new = trained.shape, replace(trained.shape, channels=48)
    assert torch.equal(frequencies(new)[:16], frequencies(old)) and not frequencies(new)[16:].any()
    factors = rope_factors(old)
    assert torch.allclose(factors[:9], torch.ones(9)) and torch.allclose(factors[10:], torch.full((6,), 4.0))
    assert factors[9] == pytest.approx(4 ** (1 / 3))


def test_a_margin_changes_nothing_until_something_is_written_there(trained: Model, tmp_path: Path) -> None:
    roomy = with_margin(trained, 32).eval()
    ids = [int(i) for i in np.random.default_rng(2).integers(5, trained.shape.vocabulary, 300)]
    with torch.no_grad():
        expected, found = trained(torch.tensor([ids]))[0], roomy(torch.tensor([ids]))[0]
        scale = float(expected.abs().max())
        assert float((found - expected).abs().max()) < 5e-3 * scale, "no more than the epsilon of the norms"
        last = roomy.blocks[-1]
        assert isinstance(last, Block)
        last.output.weight[-32:].normal_(0, 0.3)
        roomy.words[:, -32:].normal_()
        changed = roomy(torch.tensor([ids]))[0]
    assert float((changed - expected).abs().max()) > 0.1 * scale
    path = tmp_path / "roomy.gguf"
    assert np.abs(in_llama_cpp(roomy, path, ids) - changed.numpy()).max() < 0.01 * float(changed.abs().max())
    shape, read = export.read(path)
    assert Shape(**shape | {"slowed": roomy.shape.slowed, "context": roomy.shape.context}) == roomy.shape
    assert all(np.allclose(read[name], values, atol=0.01) for name, values in roomy.state_dict().items())


def test_the_graft_adds_a_block_and_leaves_the_others_alone(tmp_path: Path, root: Path) -> None:
    script, out = root / "packaging/demo_model/graft_lookup.py", tmp_path / "grafted.pt"
    command = [sys.executable, str(script), "--start", str(export.MODEL), "--out", str(out), "--rows", "12"]
    subprocess.run([*command, "--rounds", "2", "--workers", "2"], check=True, timeout=120, capture_output=True)
    saved = torch.load(out, weights_only=True)
    shape, old = export.read(export.MODEL)
    before = Model(Shape(**shape))
    before.load_state_dict({name: torch.tensor(values) for name, values in old.items()})
    wide = with_margin(widened(before, graft_lookup.CHANNELS), graft_lookup.MARGIN)
    grown = Model(Shape(**saved["shape"]))
    grown.load_state_dict(saved["weights"])
    assert len(grown.blocks) == len(wide.blocks) + 1
    after = graft_lookup.before(before)
    added, margin = grown.blocks[after], graft_lookup.MARGIN
    assert isinstance(added, Block) and not added.down.weight.any()
    assert added.output.weight[-margin:].any() and not added.output.weight[:-margin].any()
    del grown.blocks[after]
    assert grown.words[:, -margin:].any()
    with torch.no_grad():
        grown.words[:, -margin:] = 0
    kept = grown.state_dict()
    assert all(torch.equal(tensor, kept[name]) for name, tensor in wide.state_dict().items())


def test_a_graft_finds_what_it_is_taught() -> None:
    """Lines of three persons and three attributes, told clearly, and a model that answers nothing: the graft finds the
    line and copies its value, and what it was taught is what the grown model says."""
    torch.manual_seed(5)
    shape = Shape(60, width=64, layers=2, heads=2, feed_forward=64)
    model = Model(shape)
    lookup = graft_lookup.Lookup(model)
    people, attributes, asking = torch.randn(3, 64), torch.randn(3, 64), torch.randn(64)
    r = random.Random(6)

    def kept() -> graft_lookup.Kept:
        told = r.sample([(person, attribute) for person in range(3) for attribute in range(3)], 6)
        values = [r.randrange(5, 60) for _ in told]
        about = [people[person] + attributes[attribute] for person, attribute in told]
        lines = [x + 20 * model.embedding.weight.detach()[value] for x, value in zip(about, values, strict=True)]
        states = torch.stack([*torch.randn(4, 64) * 0.1, *lines, *(x + asking for x in about)])
        places = torch.tensor([*range(10, 16), 10])
        last = 0.3 * torch.randn(7, 64)
        answers = torch.tensor([*values, values[0]])
        return graft_lookup.Kept(states.half(), places, last.half(), answers, [[4 + n] for n in range(6)])

    def seen() -> list[float]:
        return torch.stack([graft_lookup.losses(lookup, row, alone=False)[1] for row in unseen]).mean(0).tolist()

    rows, unseen = [kept() for _ in range(60)], [kept() for _ in range(10)]
    before = seen()
    graft_lookup.teach(lookup, rows, 40)
    after = seen()
    found, copied, answered = after
    assert copied > 0.6 and found > 0.15 and answered > 0.6, "of 55 values, and of 9 to 15 earlier tokens"
    assert all(now > 4 * share for now, share in zip(after, before, strict=True)), before
    grown = graft_lookup.placed(model, lookup)
    added, row = grown.blocks[1], unseen[0]
    assert isinstance(added, Block)
    with torch.no_grad():
        states = F.pad(row.states.float(), (0, graft_lookup.MARGIN))
        _, written = added.look(states, row.places, *angles(grown.shape, len(states), states.device))
        last = F.pad(row.last.float(), (0, graft_lookup.MARGIN)) + written
        said, expected = F.linear(grown.norm(last), grown.words), lookup(row)[2]
    assert (said.argmax(-1) == expected.argmax(-1)).all()


def test_only_the_embeddings_of_hard_beginnings_are_taught(trained: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, model = data.Encoder(), Model(trained.shape)
    model.load_state_dict(trained.state_dict())
    missed = beginnings.misread(model, encoder, ("row", "ter", "we"))
    assert set(missed) == {"row", "ter"}, "an untrained model reads none; a spaced word begins with another token"
    assert missed["row"] == len(beginnings.TOLD)
    monkeypatch.setattr(words.hard(), "missed", {})
    monkeypatch.setattr(words.hard(), "share", words.Hard.share)
    beginnings.teach(model, encoder, missed, minutes=0.02)
    assert {"row", "ter"} == set(words.hard().missed)
    changed = [
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, trained.state_dict()[name])
    ]
    assert changed == ["embedding.weight"]
    moved = (model.embedding.weight != trained.embedding.weight).any(1).nonzero().flatten().tolist()
    assert moved == sorted(encoder.tokenizer.token_to_id(token) for token in missed)
