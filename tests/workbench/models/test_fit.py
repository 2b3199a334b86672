"""Memory estimates."""

from pathlib import Path

from workbench.llm.gguf_file import read_header
from workbench.models import catalogue, fit


def test_the_estimate_grows_by_what_a_longer_context_holds() -> None:
    shape = fit.Shape(bytes=1000, context=32768, kv_bytes=10_000, vocabulary=0, width=0, capture=False)
    grown = fit.needed(shape, 8192, 8) - fit.needed(shape, 4096, 8)
    assert grown == 4096 * 8 * 10_000


def test_a_model_without_capture_needs_no_second_cache() -> None:
    entry = catalogue.entry("gemma-3-1b")
    with_capture = fit.Shape(entry.bytes, entry.context, entry.kv_bytes, entry.vocabulary, entry.width, True)
    assert fit.needed(with_capture) > fit.needed(fit.of_entry(entry))


def test_a_file_says_itself_what_it_needs(gguf: Path) -> None:
    shape = fit.of_header(read_header(gguf))
    assert (shape.context, shape.kv_bytes, shape.bytes) == (256, 2 * 2 * 1 * 1 * 16, gguf.stat().st_size)


def test_fitness() -> None:
    assert [fit.fitness(need, 100) for need in (80, 81, 100, 101)] == ["fits", "tight", "tight", "too large"]
    assert fit.available() > 1 << 20
