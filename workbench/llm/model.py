"""A GGUF loaded into llama.cpp: weights, tokenizer, and what the file says about itself."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import ModelError
from workbench.llm.gguf_file import GGUFHeader, read_header
from workbench.llm.library import Library, library
from workbench.llm.load import buffers, offloaded

_EMBEDDING_ONLY = ("bert", "nomic-bert", "jina-bert", "modern-bert", "neo-bert", "eurobert")
Tokens = NDArray[np.int32]


def common_prefix(one: Tokens, other: Tokens) -> int:
    """How many tokens two texts begin with alike."""
    count = min(len(one), len(other))
    different = np.flatnonzero(one[:count] != other[:count])
    return int(different[0]) if len(different) else count


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Ids of the tokens that frame a text, -1 when the vocabulary has none, and their texts."""

    bos: int
    eos: int
    add_bos: bool
    bos_text: str
    eos_text: str


class Model:
    """Weights and vocabulary. Not thread safe except for :meth:`tokenize`, which llama.cpp keeps pure.

    Raises:
        ModelError: when the file is absent, damaged, not a GGUF, or of an unknown architecture.
    """

    def __init__(
        self, path: Path, gpu_layers: int = -1, embedding: bool = False, vocabulary_only: bool = False
    ) -> None:
        self.header: GGUFHeader = read_header(path)
        self.library: Library = library()
        self.path = path
        self._check_kind(embedding)
        self.handle = self._load(gpu_layers, vocabulary_only)
        self.buffers, self.offloaded = buffers(self.library.log, "model"), offloaded(self.library.log)
        C = self.library.C
        self.vocab = C.llama_model_get_vocab(self.handle)
        self.n_vocab: int = C.llama_vocab_n_tokens(self.vocab)
        # A vocabulary alone has no shapes: asked for the heads of no layer, llama.cpp ends the process.
        shaped = not vocabulary_only
        self.n_layer: int = C.llama_model_n_layer(self.handle) if shaped else 0
        self.n_head: int = C.llama_model_n_head(self.handle) if shaped else 0
        self.n_head_kv: int = C.llama_model_n_head_kv(self.handle) if shaped else 0
        self.n_embd: int = C.llama_model_n_embd(self.handle) if shaped else 0
        self.n_params: int = C.llama_model_n_params(self.handle)
        self.n_ctx_train: int = C.llama_model_n_ctx_train(self.handle) if shaped else 0
        self.gpu_layers = gpu_layers
        self._pieces: dict[int, bytes] = {}
        self._spelling: dict[bytes, int] = {}
        self._longest = 0
        self._shown: dict[int, str] = {}
        self._eog: dict[int, bool] = {}
        self.special = self._special_tokens()

    def _check_kind(self, embedding: bool) -> None:
        architecture = self.header.architecture
        if not architecture or not self.header.tensors:
            raise ModelError(f"{self.path} holds no model weights", "choose the GGUF of a language model")
        if not embedding and architecture in _EMBEDDING_ONLY:
            raise ModelError(
                f"{self.path} is an embedding model ({architecture}); it cannot write text", "choose it with --embedder"
            )

    def _load(self, gpu_layers: int, vocabulary_only: bool) -> Any:
        C = self.library.C
        params = C.llama_model_default_params()
        params.vocab_only = vocabulary_only
        params.n_gpu_layers = (10_000 if gpu_layers < 0 else gpu_layers) if C.llama_supports_gpu_offload() else 0
        self.library.log.clear()
        handle = C.llama_model_load_from_file(str(self.path).encode(), params)
        if not handle:
            why = self.library.reason() or "llama.cpp gave no reason"
            raise ModelError(
                f"{self.path} (architecture {self.header.architecture}) cannot be loaded: {why}",
                "choose a GGUF that llama.cpp of this version supports",
            )
        if C.llama_model_has_encoder(handle):
            C.llama_model_free(handle)
            raise ModelError(f"{self.path} is an encoder-decoder model", "choose a decoder-only language model")
        return handle

    def _special_tokens(self) -> SpecialTokens:
        C, vocab = self.library.C, self.vocab
        bos, eos = C.llama_vocab_bos(vocab), C.llama_vocab_eos(vocab)
        return SpecialTokens(bos, eos, bool(C.llama_vocab_get_add_bos(vocab)), self.shown(bos), self.shown(eos))

    @property
    def has_tokenizer(self) -> bool:
        """False for a file without a vocabulary (``tokenizer.ggml.model`` = none)."""
        return bool(self.library.C.llama_vocab_type(self.vocab) != 0)

    def tokenize(self, text: str, special: bool = True, framed: bool = False) -> Tokens:
        """Token ids, int32 ``[n]``.

        Args:
            special: recognise control tokens written in the text (chat templates need it; users' text must not).
            framed: let the model add its beginning and end tokens.
        """
        data = text.encode("utf-8", "replace")
        size = len(data) + 8
        C = self.library.C
        while True:
            out = np.empty(size, np.int32)
            pointer = out.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
            count = C.llama_tokenize(self.vocab, data, len(data), pointer, size, framed, special)
            if count >= 0:
                return out[:count].copy()
            size = -count

    def pieces(self, text: str) -> list[bytes]:
        """The bytes of each token of a text that holds no control token; none for what the vocabulary does not know."""
        return [self.piece(token) for token in self.tokenize(text, special=False).tolist()]

    def piece(self, token: int) -> bytes:
        """The bytes a token stands for; control tokens give none."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._piece(token, special=False)
        return known

    def spelled(self, data: bytes) -> list[int]:
        """Tokens that stand for exactly these bytes, the longest first at every place; none when there are none.

        Unlike :meth:`tokenize` it adds no space and takes half characters: for what goes on a text in its middle.
        """
        if not self._spelling:
            for token in range(self.n_vocab):
                if self.piece(token) and not self.ends(token):
                    self._spelling.setdefault(self.piece(token), token)
            self._longest = max(map(len, self._spelling), default=0)
        out, at = [], 0
        while at < len(data):
            sizes = range(min(self._longest, len(data) - at), 0, -1)
            size = next((size for size in sizes if data[at : at + size] in self._spelling), 0)
            if not size:
                return []
            out.append(self._spelling[data[at : at + size]])
            at += size
        return out

    def shown(self, token: int) -> str:
        """The token as a person reads it, control tokens included, broken UTF-8 replaced; "" for -1."""
        known = self._shown.get(token)
        if known is None:
            raw = self._piece(token, special=True) if token >= 0 else b""
            known = self._shown[token] = raw.decode("utf-8", "replace")
        return known

    def readable(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Tokens as a person reads them, control tokens included. A character whose bytes are several tokens is shown
        at the first of them; tokens that only go on with it are :data:`GOES_ON`."""
        pieces = [self._piece(token, special=True) if token >= 0 else b"" for token in tokens]
        return readable(pieces)

    def special_piece(self, token: int) -> bytes:
        """The bytes a token stands for in a rendered prompt, control tokens included."""
        return self.piece(token) or self._piece(token, special=True)

    def _piece(self, token: int, special: bool) -> bytes:
        size = 64
        while True:
            out = ctypes.create_string_buffer(size)
            count = self.library.C.llama_token_to_piece(self.vocab, token, out, size, 0, special)
            if count >= 0:
                return out.raw[:count]
            size = -count

    def ends(self, token: int) -> bool:
        """Whether the token ends a generation."""
        known = self._eog.get(token)
        if known is None:
            known = self._eog[token] = bool(self.library.C.llama_vocab_is_eog(self.vocab, token))
        return known

    def chat_template(self) -> str:
        """The Jinja chat template in the file, "" when there is none."""
        template = self.library.C.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", "replace") if template else ""

    def device(self, threads: int, fixed: bool = True) -> str:
        """What really computes: ``CUDA0 · NVIDIA H200``, ``CPU · 2 threads``; ``up to`` when they are not ``fixed``."""
        offloads = self.library.C.llama_supports_gpu_offload() and self.gpu_layers != 0
        gpus = [f"{name} · {about}" for name, about, gpu in self.library.devices() if gpu] if offloads else []
        partly = 0 < self.gpu_layers < self.n_layer
        if not gpus:
            return f"CPU · {'' if fixed else 'up to '}{threads} threads" if threads != 1 else "CPU · 1 thread"
        return gpus[0] + (f" ({self.gpu_layers} of {self.n_layer} layers)" if partly else "")

    def kv_bytes(self, kv_type: str) -> float:
        """Bytes of keys and values that one token takes in a cache of ``kv_type``."""
        channels = self.header.of_architecture("attention.key_length") or self.n_embd / self.n_head
        per_value = {"f32": 4.0, "q8_0": 34 / 32}.get(kv_type, 2.0)
        return 2 * per_value * self.n_layer * self.n_head_kv * float(channels)

    def unsupported_capture(self) -> str:
        """Why attention cannot be read from this architecture as one matrix per layer and head; "" when it can."""
        C, header = self.library.C, self.header
        if C.llama_model_is_recurrent(self.handle):
            return "a recurrent model has no attention matrix"
        if C.llama_model_is_hybrid(self.handle):
            return "a hybrid model has attention in some layers only"
        if C.llama_model_n_swa(self.handle) > 0:
            return "a sliding-window cache keeps different cells per layer"
        if header.of_architecture("attention.kv_lora_rank"):
            return "latent attention (MLA) shares one key head"
        if header.of_architecture("attn_logit_softcapping"):
            return "soft-capped logits cannot be masked faithfully"
        if not isinstance(header.of_architecture("attention.head_count", self.n_head), int):
            return "the layers have different numbers of heads"
        return "this model is a diffusion model" if C.llama_model_is_diffusion(self.handle) else ""

    def close(self) -> None:
        """Free the weights. Contexts on them must be closed before."""
        if self.handle:
            self.library.C.llama_model_free(self.handle)
            self.handle = None


GOES_ON = "·"
"""Stands for a token that holds none but later bytes of a character begun before it."""


def readable(pieces: Sequence[bytes]) -> tuple[str, ...]:
    """Texts of consecutive pieces of one UTF-8 text, see :meth:`Model.readable`; broken bytes are replaced."""
    whole = b"".join(pieces)
    ends = np.cumsum([len(piece) for piece in pieces]).tolist() if pieces else []
    texts, at = [""] * len(pieces), 0
    for number, end in enumerate(ends):
        if pieces[number] and at >= end:
            texts[number] = GOES_ON
        while at < end:
            size = _character(whole, at)
            texts[number] += whole[at : at + size].decode("utf-8", "replace")
            at += size
    return tuple(texts)


def _character(data: bytes, at: int) -> int:
    """Bytes of the character that begins here; 1 for what is none."""
    first = data[at]
    size = 1 if first < 0x80 else 2 if first >> 5 == 6 else 3 if first >> 4 == 14 else 4 if first >> 3 == 30 else 1
    try:
        data[at : at + size].decode("utf-8")
    except UnicodeDecodeError:
        return 1
    return size
