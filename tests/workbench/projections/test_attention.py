from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.captures import two_captures
from tests.workbench.projections.story import PROBE, WEIGHTS
from workbench.projections import attention
from workbench.projections.attention import MAX, MEAN, AttentionPicture, AttentionView, Choice, attention_view
from workbench.projections.hits import probe_events
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader


@pytest.fixture
def view(story: TraceReader) -> AttentionView:
    found = attention_view(story, 1, 1, 4)
    assert isinstance(found, AttentionView)
    return found


def test_the_capture_with_its_tokens_and_bands(view: AttentionView) -> None:
    assert (view.layers, view.heads, view.columns, view.rows) == ((0, 3), 2, 6, ("Li", "ma"))
    assert [(b.span.label, b.columns) for b in view.bands] == [
        ("instruction", (0, 1)),
        ("note-0", (1, 3)),
        ("question", (3, 5)),
    ]
    assert [view.band_at(c) for c in range(6)] == [0, 1, 1, 2, 2, -1]
    assert view.token(2) == "Lima "
    assert not view.pooled and (view.answer, view.correct) == ("Lima", False)
    assert np.array_equal(view.weights, WEIGHTS)


def test_a_probe_without_capture_is_named(story: TraceReader) -> None:
    found = attention_view(story, 1, 1, 5)
    assert found is not None and getattr(found, "id", "") == "p1"
    assert attention_view(story, 1, 1, 3) is None
    assert PROBE.id == "p0"


def test_half_floats_become_what_numpy_makes_of_them() -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(16, -1)
    for some in (every, every[:, ::3], every.astype(np.float32)):
        assert np.array_equal(attention.singles(some), some.astype(np.float32), equal_nan=True)


def test_choice_of_layer_and_head() -> None:
    exact = WEIGHTS.astype(np.float32)
    assert np.array_equal(attention.choose(WEIGHTS, 1, 0), exact[1, 0])
    assert np.allclose(attention.choose(WEIGHTS, 0, MEAN), exact[0].mean(0))
    assert np.allclose(attention.choose(WEIGHTS, MEAN, MAX), exact.mean(0).max(0))
    assert np.allclose(attention.choose(WEIGHTS, MAX, MAX), exact.max((0, 1)))


def test_log_scale_begins_well_below_an_even_share() -> None:
    values = attention.scaled(np.array([[1, 0.1, 0.01, 1e-3, 1e-9, 0]], np.float32), "log")
    assert np.allclose(values, [[1, 0.5, 0, 0, 0, 0]], atol=1e-6)
    for columns, low in ((6, 1e-2), (90, 1e-3), (101, 3e-4), (512, 1e-4), (4096, 1e-5)):
        assert attention.floor(columns) == pytest.approx(low)
        even = attention.scaled(np.full((1, columns), 1 / columns, np.float32), "log")
        assert 0.2 < even[0, 0] < 0.67
    ticks = attention.ticks("log", 1.0, 512)
    assert [said for _, said in ticks] == ["≤0.01 %", "0.1 %", "1 %", "10 %", "100 %"]
    assert [place for place, _ in ticks] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert [said for _, said in attention.ticks("log", 1.0, 101)] == ["≤0.03 %", "0.1 %", "1 %", "10 %", "100 %"]


def test_rank_scale_uses_every_colour_in_every_row() -> None:
    values = attention.scaled(np.array([[0.5, 0.2, 0.3], [0.001, 0.997, 0.002]], np.float32), "rank")
    assert np.allclose(values, [[1, 0, 0.5], [0, 1, 0.5]])


def test_hidden_sinks_leave_the_levels_to_the_rest(view: AttentionView) -> None:
    matrix = attention.choose(view.weights, 0, 1)
    plain = attention.scaled(matrix, "linear")
    hidden = np.array([True, False, False, False, False, False])
    shown = attention.scaled(matrix, "linear", hidden)
    assert plain.max() == plain[0, 0] == 1
    assert np.all(shown[:, 0] == 0) and shown[1, 3] == 1


def test_sinks_are_the_first_positions_and_heavy_template_tokens(view: AttentionView) -> None:
    assert attention.sinks(view).tolist() == [True] * 4 + [False] * 2
    weights = np.full((1, 1, 1, 40), 0.001, np.float16)
    weights[..., 20] = 0.9
    outside = AttentionView(
        1, 0, PROBE, weights, (0,), ("x",), ("t",) * 40, np.arange(40, dtype=np.int32), (), "", None, "k"
    )
    assert np.flatnonzero(attention.sinks(outside)).tolist() == [0, 1, 2, 3, 20]


def test_bins_keep_the_brightest_column() -> None:
    matrix = np.zeros((2, 1000), np.float32)
    matrix[1, 501] = 1
    small, starts = attention.binned(matrix, 64)
    assert small.shape == (2, 64) and small.max() == 1
    at = int(small[1].argmax())
    assert starts[at] <= 501 < starts[at + 1]
    same, all_columns = attention.binned(matrix[:, :10], 64)
    assert same.shape == (2, 10) and all_columns.tolist() == list(range(10))


def test_mass_on_spans_is_a_share(view: AttentionView) -> None:
    mass = attention.span_mass(view)
    assert mass.shape == (2, 2, 3)
    expected = WEIGHTS.astype(np.float64)[0, 1].mean(0)
    assert np.allclose(mass[0, 1], [expected[0], expected[1:3].sum(), expected[3:5].sum()], atol=1e-3)
    assert np.allclose(attention.span_mass(view, row=1)[0, 1], [0.25, 0, 0.75], atol=1e-3)


def test_what_was_kept_of_some_layers_alone_is_an_estimate(story: TraceReader) -> None:
    found = probe_events(story, 1, 1, "p0", None)
    shares, estimate = attention.span_attention(story, found, [(1, 3)]) or ([], False)
    assert shares and estimate  # layers 0 and 3 of four
    captured = found[Kind.CAPTURED]
    whole = {**found, Kind.CAPTURED: replace(captured, payload=captured.payload | {"layers": [0, 1]})}
    assert attention.span_attention(story, whole, [(1, 3)]) == (shares, False)


def test_pooled_columns_still_share_out_to_one() -> None:
    from workbench.projections.attention import Band
    from workbench.projections.hits import ContextSpan

    weights = np.full((1, 1, 2, 4), 0.5, np.float16)  # maxima over bins add up to more than one
    span = ContextSpan("memory", "all", "", (), (), (0, 16))
    starts = np.array([0, 4, 8, 12], np.int32)
    view = AttentionView(
        1, 0, PROBE, weights, (0,), ("a", "b"), ("t",) * 16, starts, (Band(span, (0, 4)),), "", None, "k"
    )
    assert view.pooled and view.token(1) == "tttt"
    assert np.allclose(attention.span_mass(view), 1)


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.62, "62 %"),
        (0.031, "3.1 %"),
        (0.0002, "0.02 %"),
        (1e-6, "<0.001 %"),
        (1e-5, "0.001 %"),
        (0.01, "1 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_said_shortly(share: float, said: str) -> None:
    assert attention.percent(share) == said


def test_a_picture_is_a_capture_with_a_choice_made(story: TraceReader) -> None:
    picture = attention.attention_picture(story, 1, 1, 4, choice=attention.Choice(0, MEAN, "linear", True))
    assert isinstance(picture, attention.AttentionPicture)
    assert np.allclose(picture.matrix, WEIGHTS.astype(np.float32)[0].mean(0))
    assert picture.hidden.tolist() == [True] * 4 + [False] * 2
    assert picture.top == picture.matrix[:, 4:].max()
    assert np.allclose(picture.mass, attention.span_mass(picture.view)[0].mean(0))
    assert picture.sink_mass == pytest.approx(1, abs=1e-3)


def test_a_choice_that_another_model_does_not_have_falls_back_to_the_mean(story: TraceReader) -> None:
    picture = attention.attention_picture(story, 1, 1, 4, choice=attention.Choice(30, 1))
    assert isinstance(picture, attention.AttentionPicture)
    assert (picture.choice.layer, picture.choice.head) == (MEAN, 1)


def compared(path: Path, other: int, lane: int = 1, **choice: Any) -> AttentionPicture:
    with TraceReader(path) as reader:
        found = attention.attention_picture(reader, 1, lane, 1, choice=Choice(other=other, **choice))
    assert isinstance(found, AttentionPicture)
    return found


def test_two_lanes_on_the_same_prompt_differ_by_span_and_by_position(tmp_path: Path) -> None:
    path = two_captures(tmp_path / "two.mnemo")
    gap = compared(path, 2).gap
    assert gap is not None and (gap.lane, gap.answer) == (2, "near")
    assert gap.shares is not None and gap.shares.shape == (2, 2, 2)
    assert np.allclose(gap.shares[..., 0], 0, atol=1e-3)
    assert np.allclose(gap.shares[..., 1], [[0.1, 0.1], [0.4, 0.1]], atol=1e-3)
    assert gap.columns is not None  # up to the end of what both read: mean over layers and heads
    assert np.allclose(gap.columns[:5], [-0.175, 0, 0, 0.175, 0], atol=1e-3)
    back = compared(path, 1, lane=2).gap
    assert back is not None and back.shares is not None and np.allclose(back.shares, -gap.shares, atol=1e-3)
    one = compared(path, 2, layer=1, head=0).gap
    assert one is not None and one.columns is not None and one.columns[3] == pytest.approx(0.4, abs=1e-3)


def test_a_span_that_the_other_context_lacks_has_no_difference(tmp_path: Path) -> None:
    gap = compared(two_captures(tmp_path / "two.mnemo"), 3).gap
    assert gap is not None and gap.columns is None and gap.shares is not None  # the prompts differ
    assert np.isnan(gap.shares[..., 1]).all() and np.allclose(gap.shares[..., 0], 0, atol=1e-3)


def test_models_with_other_layers_are_not_compared(tmp_path: Path) -> None:
    path = two_captures(tmp_path / "two.mnemo")
    gap = compared(path, 4).gap
    assert gap is not None and gap.shares is None
    assert compared(path, 1).gap is None and compared(path, 9).gap is None  # itself; a lane that is not there


def test_columns_that_share_a_pixel_are_their_maximum_or_their_mean() -> None:
    matrix = np.zeros((1, 8), np.float32)
    matrix[0, 5] = 1
    assert attention.binned(matrix, 4, "max")[0].tolist() == [[0, 0, 1, 0]]
    assert attention.binned(matrix, 4, "mean")[0].tolist() == [[0, 0, 0.5, 0]]
    shown, starts = attention.binned(matrix, 9, "mean")
    assert shown is matrix and len(starts) == 8
