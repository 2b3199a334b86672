"""The catalogue: what every entry must say."""

import pytest

from workbench.errors import UsageError
from workbench.models import catalogue, fit, store


def test_every_entry_is_whole() -> None:
    found = catalogue.entries()
    assert {"smollm2-135m", "qwen2.5-0.5b", "qwen2.5-7b", "llama-3.2-1b", "qwen3-8b", "gemma-3-4b"} <= set(found)
    for name, entry in found.items():
        assert store.check_name(name) == entry.name
        assert entry.source in ("registry", "hub")
        assert entry.file.endswith(".gguf")
        assert len(entry.sha256) == 64 and int(entry.sha256, 16)
        assert entry.bytes > 50_000_000
        assert entry.licence
        assert bool(entry.member) == (entry.source == "registry")
        assert fit.needed(fit.of_entry(entry)) > entry.bytes


def test_what_nobody_tried_says_so_and_what_cannot_be_captured_too() -> None:
    for entry in catalogue.entries().values():
        assert ("not tried" in entry.remarks) == (not entry.tried)
        assert ("not captured" in entry.remarks) == (not entry.capture)
    assert not catalogue.entry("gemma-3-1b").capture


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match="smollm2-135m"):
        catalogue.entry("gpt-9")
