"""The exported model is, in llama.cpp, the model that was trained: same tokens, same logits."""

from __future__ import annotations

import random
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the bundled model is trained with the extra 'train'")
pytest.importorskip("tokenizers", reason="the bundled model is trained with the extra 'train'")

import data  # noqa: E402
import export  # noqa: E402
import llama_cpp  # noqa: E402
import operations  # noqa: E402
from model import Block, Model, Shape, angles, deepened  # noqa: E402


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
    import subprocess
    import sys

    def train(*arguments: str) -> dict[str, object]:
        command = [sys.executable, str(root / "packaging/demo_model/train.py"), "--checkpoint", str(tmp_path / "c.pt")]
        small = ["--width", "64", "--layers", "2", "--feed-forward", "64", "--tokens", "384", "--threads", "1"]
        subprocess.run([*command, *small, *arguments], check=True, timeout=120, capture_output=True)
        saved = torch.load(tmp_path / "c.pt", weights_only=True)
        return dict(saved["progress"])

    first = train("--minutes", "0.02")
    assert "lookup" not in torch.load(tmp_path / "c.pt", weights_only=True), "only a graft is taught where to look"
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


def test_an_older_model_gets_a_block_that_adds_nothing(trained: Model, exported: Path) -> None:
    old = export.read(exported)[1]
    torch.manual_seed(6)
    deeper = deepened(trained, 3)
    new = {name: tensor.float().numpy() + 0.1 for name, tensor in deeper.state_dict().items()}
    grown = export.with_lookup(old, new, 1)
    deeper.load_state_dict({name: torch.tensor(values) for name, values in grown.items()})
    with_old = Model(trained.shape)
    with_old.load_state_dict({name: torch.tensor(values) for name, values in old.items()})
    ids = torch.randint(5, trained.shape.vocabulary, (1, 40))
    with torch.no_grad():
        assert torch.equal(deeper.eval()(ids), with_old.eval()(ids))


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
    lines, questions = data.spans(row)
    newest, never = row.looks
    assert newest == (questions[0][1] - 1, [lines[2][1]]) and never == (questions[1][1] - 1, [0, 1, 2, 3])
    text = data.Encoder().tokenizer.decode(row.ids[lines[1][0] : lines[1][1] + 1])
    assert text == "Paul: I live in Rome.\n"


def test_questions_see_the_ends_of_all_lines_and_the_words_of_some() -> None:
    import train

    r = random.Random(8)
    level = data.Level(300, asking=True, repeat=0.0)
    rows = data.batch(r, data.Encoder(), level, 4)
    seen = train.seen_at_ends(rows, r)
    for row, mask in zip(rows, seen[:, 0], strict=True):
        lines, questions = data.spans(row)
        asked = next(end - 1 for _, end in questions if end < 300)
        told = [(start, end) for start, end in lines if start > data.SINK and end < asked]
        assert all(mask[asked, end] for _, end in told)
        words = [bool(mask[asked, start:end].any()) for start, end in told]
        assert not all(words)
        assert all(mask[end, :end].all() for _, end in told), "lines see everything before them"


def test_the_graft_adds_a_block_and_leaves_the_others_alone(tmp_path: Path, root: Path) -> None:
    import subprocess
    import sys

    script, out = root / "packaging/demo_model/graft_lookup.py", tmp_path / "grafted.pt"
    command = [sys.executable, str(script), "--start", str(export.MODEL), "--out", str(out)]
    subprocess.run([*command, "--heads", "0.01", "--alone", "0.01"], check=True, timeout=120, capture_output=True)
    saved = torch.load(out, weights_only=True)
    further = [
        sys.executable,
        str(script.with_name("train.py")),
        "--resume",
        "--checkpoint",
        str(out),
        "--threads",
        "1",
    ]
    small = ["--tokens", "384", "--minutes", "0.01", "--operations", "0"]
    subprocess.run([*further, *small], check=True, timeout=120, capture_output=True)
    assert {"looked", "copied"} <= set(torch.load(out, weights_only=True)["progress"]["insight"])
    shape, old = export.read(export.MODEL)
    block = saved["shape"]["layers"] // 2
    grown = export.with_lookup(old, {name: tensor.numpy() for name, tensor in saved["weights"].items()}, block)
    changed = {name for name, tensor in saved["weights"].items() if not np.array_equal(tensor.numpy(), grown[name])}
    assert saved["shape"]["layers"] == shape["layers"] + 1 and len(grown) == len(saved["weights"])
    assert changed == {f"blocks.{block}.output.weight"}
    added = saved["weights"][f"blocks.{block}.output.weight"]
    assert 0 < float(added.norm()) < 0.2 * np.linalg.norm(old[f"blocks.{block}.output.weight"])
