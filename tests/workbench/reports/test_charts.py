"""Pictures as SVG: well formed, escaped, to scale, and the same figures as tables."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.benchmark import benchmark_run
from tests.workbench.projections.test_charts import needle_run
from workbench.projections.charts import Charts, charts
from workbench.reports.charts import KINDS, cividis, draw, rows
from workbench.reports.figures import colours, run_figures
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

SVG = "{http://www.w3.org/2000/svg}"


def ink(role: str) -> str:
    return colours("dark")[role]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Charts:
    path = benchmark_run(tmp_path_factory.mktemp("charts") / "run.mnemo", each=12)
    with TraceReader(path) as reader:
        return charts(reader)


@pytest.mark.parametrize("width", [320, 720, 1400])
@pytest.mark.parametrize("kind", ["needles", "memory", "tokens"])
def test_every_mark_and_word_lies_in_the_picture(found: Charts, kind: str, width: int) -> None:
    picture = draw(kind, found, ink, width, 280)
    if kind == "memory":
        assert picture is None  # this run holds no items
        return
    assert picture is not None
    root = ElementTree.fromstring(picture.svg("what it says"))
    assert root.get("viewBox") == f"0 0 {picture.width:g} {picture.height:g}"
    assert picture.marks
    for mark in picture.marks:
        assert 0 <= mark.x <= mark.x + mark.width <= picture.width
        assert 0 <= mark.y <= mark.y + mark.height <= picture.height
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x") or -1) <= picture.width
        assert 0 <= float(text.get("y") or -1) <= picture.height
    assert len(root.findall(f".//{SVG}title")) == len(picture.marks)


def test_a_cell_of_the_grid_has_the_colour_and_words_of_its_share(tmp_path: Path) -> None:
    asked = [(20, 3, {"length": 1000.0, "depth": d}, right) for d, right in ((0.0, True), (1.0, False))]
    with TraceReader(needle_run(tmp_path / "n.mnemo", *asked)) as reader:
        picture = draw("needles", charts(reader), ink)
    assert picture is not None
    assert [mark.says.split("\n")[1:] for mark in picture.marks] == [
        ["1k tok, evidence at 0 %", "100.0 % of 1 probe, 95 % 21 to 100 % (Wilson)"],
        ["1k tok, evidence at 100 %", "0.0 % of 1 probe, 95 % 0 to 79 % (Wilson)"],
    ]
    text = picture.svg()
    assert f'fill="{cividis(1.0)}"' in text
    assert f'fill="{cividis(0.0)}"' in text


def test_the_colour_map_is_cividis() -> None:
    assert (cividis(0), cividis(1), cividis(-3)) == ("#00204d", "#ffea46", "#00204d")
    levels = [sum(bytes.fromhex(cividis(n / 50)[1:])[:2]) for n in range(51)]
    assert levels[-1] > levels[25] > levels[0]


def test_what_a_lane_is_called_is_text_in_svg(tmp_path: Path) -> None:
    path = needle_run(tmp_path / "n.mnemo", (10, 9, {}, True), (300, 0, {}, False))
    with TraceWriter(path) as writer:
        writer._db.execute("UPDATE lane SET name = '<script>&\"'")  # as a damaged or hostile run file might
    with TraceReader(path) as reader:
        for text in run_figures(reader).values():
            root = ElementTree.fromstring(text)
            assert not root.findall(f".//{SVG}script")
            assert any(t.text == '<script>&"' for t in root.iter(f"{SVG}text"))


def test_a_run_without_probes_has_no_pictures(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "empty.mnemo") as writer:
        writer.add_lane("bm25", "bm25", "full-cache", {})
    with TraceReader(tmp_path / "empty.mnemo") as reader:
        assert run_figures(reader) == {}
        assert all(draw(kind, charts(reader), ink) is None for kind in KINDS)


def test_tables_hold_what_is_drawn(found: Charts) -> None:
    for kind in KINDS:
        heads, lines = rows(kind, found)
        assert all(len(line) == len(heads) for line in lines)
    assert found.needles is not None
    cells = [c for _, grid in found.needles.lanes for row in grid for c in row]
    assert [line[4] for line in rows("needles", found)[1]] == [c.n for c in cells]
