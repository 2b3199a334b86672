"""Which models can be captured, and what the others still do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.support.gguf_models import Shape, write_model
from tests.support.runs import session_file
from workbench.cli import main
from workbench.errors import ModelError
from workbench.llm.base import AnswerRequest, BackendOptions, CompletionRequest
from workbench.llm.library import library
from workbench.llm.messages import Message
from workbench.llm.model import Model
from workbench.llm.open import open_backend

MESSAGES = (Message("user", "anna likes tea\nbob likes milk\nwhat?"),)


def test_sliding_window_model_answers_without_capture(tmp_path: Path) -> None:
    path = tmp_path / "window.gguf"
    write_model(path, Shape(layers=4), architecture="olmo2", extra={"attention.sliding_window": 64})
    backend = open_backend(BackendOptions(str(path), "hash", context=512, threads=1))
    assert not backend.info.capture
    assert backend.info.capture_note == "a sliding-window cache keeps different cells per layer"
    result = asyncio.run(backend.answer(AnswerRequest(MESSAGES, ("anna likes tea",), max_tokens=4, stop=())))
    assert len(result.completion.tokens) == 4 and result.capture is None and result.spans[0][1] > result.spans[0][0]
    with pytest.raises(ModelError, match=r"spans cannot be masked: a sliding-window cache"):
        asyncio.run(backend.answer(AnswerRequest(MESSAGES, ("anna likes tea",), knock_out=(0,))))
    # Prefixes are reused in its cache too.
    texts = [asyncio.run(backend.complete(CompletionRequest(MESSAGES, max_tokens=6))).text for _ in range(2)]
    assert texts[0] == texts[1]
    backend.close()


def test_a_run_says_once_that_attention_cannot_be_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In lanes without a policy, too, and not when nobody wants it recorded."""
    path, session = tmp_path / "window.gguf", session_file(tmp_path)
    write_model(path, Shape(layers=2), architecture="olmo2", extra={"attention.sliding_window": 64})
    for capture, said in (("answers", 1), ("off", 0)):
        command = ["run", session, "--lane", "bm25", "--model", path, "--embedder", "hash", "--capture", capture]
        assert main([str(a) for a in (*command, "--context", 512, "--threads", 1, "--out", tmp_path / capture)]) == 0
        told = capsys.readouterr().err
        assert told.count("no attention is recorded, and spans cannot be masked: a sliding-window cache") == said


@pytest.mark.parametrize(
    ("architecture", "extra", "reason"),
    [
        ("olmo2", {"attention.sliding_window": 64}, "a sliding-window cache keeps different cells per layer"),
        ("llama", {"attention.kv_lora_rank": 8}, "latent attention (MLA) shares one key head"),
        ("llama", {"attn_logit_softcapping": 8}, "soft-capped"),
    ],
)
def test_a_run_refuses_a_cache_policy_that_the_model_cannot_carry_out(
    tmp_path: Path, architecture: str, extra: dict[str, int], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, session = tmp_path / "odd.gguf", session_file(tmp_path)
    write_model(path, Shape(layers=2), architecture=architecture, extra=extra)
    command = ["run", session, "--lane", "full", "--lane", "full+h2o", "--model", path, "--embedder", "hash"]
    assert main([str(a) for a in (*command, "--context", 512, "--threads", 1, "--out", tmp_path / "run.mnemo")]) == 1
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert "lane 'full+h2o' cannot run on" in told and reason in told
    assert told.endswith("leave the cache policy out, or choose another model")


def test_other_dense_architecture_is_captured(tmp_path: Path) -> None:
    path = tmp_path / "dense.gguf"
    write_model(path, Shape(layers=4), architecture="olmo2")
    backend = open_backend(BackendOptions(str(path), "hash", context=512, threads=1))
    assert backend.info.capture and backend.info.capture_note == ""
    capture = asyncio.run(backend.answer(AnswerRequest(MESSAGES, max_tokens=4, stop=()))).capture
    assert capture is not None and capture.layers == (0, 1, 2, 3)
    assert np.allclose(capture.weights.astype(np.float32).sum(-1), 1, atol=5e-3)
    backend.close()


def test_latent_and_soft_capped_attention_are_named(tmp_path: Path) -> None:
    for key, note in (("attention.kv_lora_rank", "latent attention"), ("attn_logit_softcapping", "soft-capped")):
        path = tmp_path / "odd.gguf"
        write_model(path, extra={key: 8})
        model = Model(path)
        assert note in model.unsupported_capture()
        model.close()


def test_unknown_tensor_layout_turns_capture_off(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library(), "layout_error", "the tensor layout of llama-cpp-python 9 is unknown")
    backend = open_backend(BackendOptions(str(model_path), "hash", context=256, threads=1))
    assert not backend.info.capture and "layout of llama-cpp-python 9 is unknown" in backend.info.capture_note
    assert asyncio.run(backend.answer(AnswerRequest(MESSAGES, max_tokens=2, stop=()))).capture is None
    backend.close()


def test_info_says_what_runs(model_path: Path) -> None:
    backend = open_backend(BackendOptions(str(model_path), "hash", context=300, threads=1, gpu_layers=0))
    info = backend.info
    assert (info.name, info.architecture, info.layers, info.heads) == ("random", "llama", 3, 6)
    assert info.context == 512 and info.device == "CPU · 1 thread" and not info.demo  # llama.cpp pads to 256
    assert len(info.sha256) == 64 and info.parameters > 300_000
    assert backend.embedder == "hash (512, lexical)"
    backend.close()
    backend.close()  # twice is fine
    with pytest.raises(ModelError, match="the model is closed"):
        asyncio.run(backend.complete(CompletionRequest(MESSAGES)))


def test_nothing_is_written_to_standard_error(model_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    Model(model_path).close()
    assert capfd.readouterr() == ("", "")
    assert library().log, "the log is kept"


def test_no_context_is_one_clear_line(model_path: Path) -> None:
    with pytest.raises(ModelError, match=r"quantized V cache.* - use a smaller context or fewer sequences"):
        open_backend(BackendOptions(str(model_path), "hash", context=256, extra={"kv_type": "q8_0"}))
