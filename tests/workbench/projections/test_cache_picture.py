"""The cache panel's picture: states at every step, which memory was lost when, two lanes, the curve at a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.caches import PROBE, long_cache, write_cache
from workbench.cli import main
from workbench.projections.cache_picture import (
    WORTH,
    CacheChoice,
    CachePicture,
    Cell,
    by_cell,
    cache_picture,
    plan_at,
    token_states,
    when_of,
)
from workbench.projections.repeated import repeated
from workbench.projections.survival import survival
from workbench.reports.html import report
from workbench.trace.reader import TraceReader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[TraceReader]:
    with TraceReader(write_cache(tmp_path / "cache.mnemo")) as opened:
        yield opened


def picture(reader: TraceReader, lane: int, other: int = 0) -> CachePicture:
    found = cache_picture(reader, 1, lane, 1, choice=CacheChoice(other))
    assert isinstance(found, CachePicture)
    return found


def test_a_lane_without_a_policy_names_the_probe(reader: TraceReader) -> None:
    assert cache_picture(reader, 1, 3, 1) == PROBE
    assert cache_picture(reader, 1, 1, -2) is None


def test_every_memory_says_what_it_lost_and_when(reader: TraceReader) -> None:
    found = picture(reader, 2)
    said = [(loss.fate.span.label, loss.first, loss.whole, loss.back) for loss in found.losses]
    # The evidence stands first; the old turn kept one token of three with the prompt and lost it at the next token.
    assert said == [("t1", 0, 0, False), ("t0", 0, 1, False), ("question", -1, -1, False)]
    assert [loss.share(0) for loss in found.losses] == pytest.approx([0, 1 / 3, 1])
    assert when_of(found.view, 0) == "with the prompt" and when_of(found.view, 1) == "at the prompt's end"
    assert found.evidence.tolist() == [False] * 5 + [True] * 4 + [False] * 3


def test_when_is_said_by_the_answer_token_that_was_written_before(reader: TraceReader) -> None:
    view = replace(picture(reader, 2).view, generated=(0, 2), prompt=11)
    assert when_of(view, 1) == "after answer token 1 “l”"
    before = replace(view, read=6, generated=(0, 3))
    assert when_of(before, 0) == "before the question"
    assert when_of(replace(before, when="before-question"), 1) == "with the question"


def test_states_of_tokens_at_every_step(reader: TraceReader) -> None:
    view = picture(reader, 2).view
    first, held = token_states(view, 0)
    gone, used = Cell.GONE, Cell.HELD
    assert first.tolist() == [used, used, used, *[gone] * 6, used, Cell.AHEAD, Cell.AHEAD] and held[2] == 1
    last, _ = token_states(view, 1)
    assert last.tolist() == [used, used, gone, *[gone] * 6, used, used, Cell.LATER]
    shared = token_states(replace(view, shared=2), 1)[0]
    assert shared[:2].tolist() == [Cell.SHARED, Cell.SHARED]
    merged = np.arange(10, dtype=np.int32)
    merged[3] = 1
    assert token_states(replace(view, merged=merged), 1)[0][3] == Cell.MERGED
    part, share = token_states(picture(reader, 1).view, 0)
    assert part[2] == Cell.PARTLY and share[2] == 0.25 and part[4] == Cell.PARTLY


def test_states_of_cells_at_the_end(reader: TraceReader) -> None:
    states, tokens, shares = by_cell(picture(reader, 2).view)
    assert states.tolist() == [
        Cell.HELD, Cell.HELD, Cell.HELD, *[Cell.GONE] * 6, Cell.HELD, Cell.LATER, *[Cell.FREE] * 5,
    ]  # fmt: skip
    assert tokens[2] == 10 and shares[2] == 1 and shares[3] == 0


def test_two_lanes_side_by_side(reader: TraceReader) -> None:
    alone = picture(reader, 1)
    assert alone.others == ((2, "full+snapkv:keep=0.4"),) and alone.other is None and alone.gap is None
    both = picture(reader, 1, other=2)
    assert both.other is not None and both.other.lane == 2
    assert both.gap is not None and both.gap[2:6].tolist() == [-0.75, 0.25, 0.25, 1.0]
    assert picture(reader, 1, other=3).other is None  # it keeps every cell


def test_the_step_follows_the_answer_token(reader: TraceReader) -> None:
    view = replace(picture(reader, 2).view, generated=(0, 1, 2, 3), prompt=11)
    assert [plan_at(view, token) for token in (None, 0, 1, 2, 9)] == [3, 0, 1, 2, 3]


def test_the_curve_stands_at_the_cursor(reader: TraceReader) -> None:
    assert len(survival(reader, 1, turn=1)) == 2 and survival(reader, 1, turn=0) == ()
    assert [p.badge for p in survival(reader)] == ["B", "B"]
    assert survival(reader, 2) == ()
    assert survival(reader) is not survival(reader) and survival(reader) == survival(reader)  # read once, told again


def test_every_result_says_how_it_came_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_cache(tmp_path / "cache.mnemo")
    assert main(["score", str(path)]) == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if row.startswith("full+snapkv:keep=0.4  B"))
    assert line.split()[2:] == ["40", "%", "0", "%", "0.38", "100", "%", "60", "%", "0", "%"]
    assert main(["score", str(path), "--json"]) == 0
    lanes = {lane["lane"]: lane for lane in json.loads(capsys.readouterr().out)["lanes"]}
    assert "policy" not in lanes["full"]
    told = lanes["full+snapkv:keep=0.6"]["policy"]
    assert told["badge"] == "B" and told["evidence"] == 0.75 and told["bytes"]["full"] == 100
    with TraceReader(path) as reader:
        html = report(reader)
    assert "What the cache kept" in html and "emulated" not in html and ">B<" in html


def test_cells_taken_over_from_earlier_prompts_make_no_other_run(tmp_path: Path) -> None:
    paths = [write_cache(tmp_path / f"{n}.mnemo", **more) for n, more in enumerate(({}, {"shared": 8}, {"budget": 5}))]
    with TraceReader(paths[0]) as one, TraceReader(paths[1]) as other, TraceReader(paths[2]) as another:
        assert repeated(one, other).identical and not repeated(one, another).identical


def test_tokens_are_shaded_by_what_the_policy_chose_by(tmp_path: Path) -> None:
    with TraceReader(long_cache(tmp_path / "long.mnemo", 400, plans=3, layers=2, heads=1)) as reader:
        found = cache_picture(reader, 1, 1, 39)
        assert isinstance(found, CachePicture)
        shade = found.shades[WORTH]
        worth = found.view.worth
        assert worth is not None and shade[int(worth.argmax())] == 1 and shade[400:].tolist() == [0, 0, 0]
        assert token_states(found.view, 0)[0][0] in (Cell.SHARED, Cell.PARTLY, Cell.GONE)
