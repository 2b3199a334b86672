"""Vocabularies of every kind that llama.cpp knows, each small, with the control tokens of a family that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.llm.random_model import MERGES, byte_characters

NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary.

    Attributes:
        marks: begin of text, end of a message, and what opens a system, a user and an assistant message.
        kinds: token type of each mark.
        more: further tokens that a template of the family writes, user defined.
        exact: whether the tokens of a text give its bytes back.
    """

    write: Callable[[Any, Tokenizer], int]
    marks: tuple[str, str, str, str, str]
    kinds: tuple[int, ...] = (CONTROL,) * 5
    more: tuple[str, ...] = ()
    exact: bool = True
    pre: str = ""
    prefix: bool = False

    @property
    def template(self) -> str:
        """A chat template with all of its marks."""
        begin, end, system, user, assistant = self.marks
        mentioned = "".join(f"{{# {text} #}}" for text in self.more)
        opening = f"{{% if m.role == 'system' %}}{system}{{% else %}}{user}{{% endif %}}"
        message = f"{opening}\n{{{{ m.content | trim }}}}{end}\n"
        asked = f"{{% if add_generation_prompt %}}{assistant}\n{{% endif %}}"
        return f"{begin}{mentioned}{{% for m in messages %}}{message}{{% endfor %}}{asked}"

    @property
    def controls(self) -> list[tuple[str, int]]:
        """Its control tokens, with their types."""
        return [*zip(self.marks, self.kinds, strict=True), *((text, USER) for text in self.more)]


def _frame(writer: Any, first: int) -> None:
    writer.add_bos_token_id(first)
    writer.add_eos_token_id(first + 1)
    writer.add_add_bos_token(False)


def _byte_pairs(writer: Any, it: Tokenizer) -> int:
    """GPT-2's scheme: bytes as characters, merged by rank; ``pre`` splits words."""
    tokens = [text for text, _ in it.controls] + byte_characters() + ["".join(merge.split(" ")) for merge in MERGES]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(it.pre)
    writer.add_token_list(tokens)
    writer.add_token_types([kind for _, kind in it.controls] + [NORMAL] * (len(tokens) - len(it.controls)))
    writer.add_token_merges(list(MERGES))
    _frame(writer, 0)
    return len(tokens)


def _sentence_piece(writer: Any, it: Tokenizer) -> int:
    """SentencePiece: joins pieces by score as long as the result is a token, bytes for what it lacks."""
    pieces = ["▁", *map(chr, range(33, 127)), *"éïü", "▁a", "nd", "ed", "s>", "</", "[/", "T]", "▁t", "he", "▁the"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = ["<unk>", *(text for text, _ in it.controls), *bytes_, *pieces]
    kinds = [UNKNOWN, *(kind for _, kind in it.controls), *[BYTE] * 256, *[NORMAL] * len(pieces)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * (len(tokens) - len(pieces)) + [-float(i) for i in range(len(pieces))])
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(it.prefix)
    writer.add_unk_token_id(0)
    _frame(writer, 1)
    return len(tokens)


def _word_pieces(writer: Any, it: Tokenizer) -> int:
    """BERT's scheme: lower case, no accents, the longest piece first."""
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = [*(f"▁{c}" for c in letters), *letters, "▁inst", "▁cls", "▁sep", "▁user", "▁the", "ed"]
    tokens = ["[UNK]", *(text for text, _ in it.controls), *pieces]
    writer.add_tokenizer_model("bert")
    writer.add_token_list(tokens)
    writer.add_token_types([UNKNOWN, *(kind for _, kind in it.controls), *[NORMAL] * len(pieces)])
    writer.add_unk_token_id(0)
    _frame(writer, 1)
    return len(tokens)


def _unigrams(writer: Any, it: Tokenizer) -> int:
    """T5's scheme: the most likely way to divide a text into pieces."""
    pieces = ["▁", *map(chr, range(33, 127)), *"éïü", "▁a", "nd", "ed", "s>", "</", "▁the"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = ["<unk>", *(text for text, _ in it.controls), *bytes_, *pieces]
    writer.add_tokenizer_model("t5")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * (len(tokens) - len(pieces)) + [-3.0] * len(pieces))
    writer.add_token_types([UNKNOWN, *(kind for _, kind in it.controls), *[BYTE] * 256, *[NORMAL] * len(pieces)])
    writer.add_add_space_prefix(it.prefix)
    writer.add_unk_token_id(0)
    _frame(writer, 1)
    return len(tokens)


def _trie(writer: Any, it: Tokenizer) -> int:
    """RWKV's scheme: the longest token first, over bytes that are written as escapes."""
    escaped = [f"\\x{byte:02x}" if byte not in range(32, 127) or byte == 92 else chr(byte) for byte in range(256)]
    pieces = [*escaped, " the", "ed", "nd", "</", "s>"]
    tokens = ["<unk>", *(text for text, _ in it.controls), *pieces]
    writer.add_tokenizer_model("rwkv")
    writer.add_token_list(tokens)
    writer.add_token_types([UNKNOWN, *(kind for _, kind in it.controls), *[NORMAL] * len(pieces)])
    writer.add_unk_token_id(0)
    _frame(writer, 1)
    return len(tokens)


_CHATML = ("<|endoftext|>", "<|im_end|>", "<|im_start|>system", "<|im_start|>user", "<|im_start|>assistant")
_MISTRAL = ("<s>", "</s>", "[SYS]", "[INST]", "[/INST]")
_ZEPHYR = ("<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")

TOKENIZERS = {
    "gpt-2": Tokenizer(_byte_pairs, ("<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"), pre="gpt-2"),
    "llama-3": Tokenizer(
        _byte_pairs,
        ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|python_tag|>"),
        pre="llama-bpe",
    ),
    "qwen": Tokenizer(_byte_pairs, _CHATML, more=("<think>", "</think>", "<tool_call>"), pre="qwen2"),
    "deepseek": Tokenizer(
        _byte_pairs,
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜System｜>", "<｜User｜>", "<｜Assistant｜>"),
        (CONTROL, CONTROL, USER, USER, USER),
        pre="deepseek-v3",
    ),
    "tekken": Tokenizer(_byte_pairs, _MISTRAL, pre="tekken"),
    "llama-2": Tokenizer(_sentence_piece, _MISTRAL, prefix=True),
    "zephyr": Tokenizer(_sentence_piece, _ZEPHYR, (CONTROL, CONTROL, USER, USER, USER), prefix=True),
    "gemma": Tokenizer(
        _sentence_piece, ("<bos>", "<end_of_turn>", "<start_of_turn>system", "<start_of_turn>user", "<start_of_turn>")
    ),
    "bert": Tokenizer(_word_pieces, ("[CLS]", "[SEP]", "[SYS]", "[INST]", "[MASK]"), exact=False),
    "t5": Tokenizer(_unigrams, _ZEPHYR, prefix=True, exact=False),
    "rwkv": Tokenizer(_trie, ("<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")),
}
