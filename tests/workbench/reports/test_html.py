"""The report: complete, self-contained, and deaf to what a file wants to smuggle in."""

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.benchmark import benchmark_run
from tests.support.traces import write_trace
from workbench.probes import score_probe
from workbench.probes.statistics import wilson
from workbench.projections.compared import compared
from workbench.projections.costs import costs
from workbench.projections.published import scored, standings
from workbench.projections.scores import Cell, scores
from workbench.reports.html import BINS, SHAPES, interval, report
from workbench.sessions import Probe, Session, Turn
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter

VOID = {"meta", "input", "br", "link", "img", "hr"}


class Page(HTMLParser):
    """Tags with their attributes, the text, and whether every tag was closed in turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(path: Path) -> tuple[str, Page]:
    with TraceReader(path) as reader:
        html = report(reader)
    return html, Page(html)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trace(tmp_path_factory.mktemp("report") / "run.mnemo", turns=40, items=30, probes=8)


def test_every_lane_probe_and_figure_is_there(path: Path) -> None:
    html, page = page_of(path)
    with TraceReader(path) as reader:
        board, spent, session = scores(reader), costs(reader), reader.session(1)
    for cost in spent:
        figures = (cost.written.prompt, cost.answers.prompt, cost.items, cost.size)
        assert all(f"{figure:,}" in page.text for figure in figures)
        assert cost.purposes in page.text
    for lane in board.lanes:
        assert lane.lane.name in page.text
        assert f"{lane.overall.correct} of {lane.overall.n}" in page.text
    assert all(p.question in page.text for p in session.probes)
    assert html.count("✓</b>") + html.count("✗</b>") == len(board.lanes) * len(session.probes)
    assert html.count("✓</b>") == sum(lane.overall.correct for lane in board.lanes)
    assert len(re.findall('class="strip"', html)) == len(board.lanes)
    assert "invented" in page.text
    assert "all-MiniLM-L6-v2 (384, mean)" in page.text


def test_nothing_is_fetched_and_nothing_runs(path: Path) -> None:
    html, page = page_of(path)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form"} & {tag for tag, _ in page.tags}
    assert not {"src", "href", "action", "onload", "onclick"} & {a for _, attributes in page.tags for a in attributes}
    assert not re.search(r"https?:|url\(|@import", html)
    policy = next(m for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_light_and_dark_by_the_readers_setting(path: Path) -> None:
    html, _ = page_of(path)
    assert "prefers-color-scheme:dark" in html
    used, light = set(re.findall(r"var\((--[\w-]+)\)", html)), html[: html.index("@media(prefers")]
    assert used
    assert all(f"{name}:#" in light for name in used)


EVIL = "</td></title></style><script>alert(1)</script><img src=x onerror='x'>\"'&{{ 7 * 7 }}"


def evil_trace(path: Path) -> Path:
    probe = Probe("p", 0, EVIL, (EVIL,), EVIL, (0,))
    session = Session(EVIL, (Turn(0, EVIL, EVIL, EVIL),), (probe,), warnings=(EVIL,))
    with TraceWriter(path) as writer:
        number, lane = writer.add_session(session, "x"), writer.add_lane(EVIL, "full", "full-cache", {})
        loaded = {"name": EVIL, "device": EVIL, "embedder": EVIL, "versions": {EVIL: EVIL}}
        answer = {"text": EVIL, "tokens": [], "prompt_tokens": 3, "error": EVIL}
        writer.append(
            [
                Event(0, 0, -1, 1, Kind.ENGINE_LOADED, payload=loaded),
                Event(number, lane, 0, 1, Kind.DROPPED, payload={"reason": EVIL, "detail": EVIL}),
                Event(number, lane, 0, 2, Kind.ANSWERED, "p", payload=answer),
                Event(number, lane, 0, 3, Kind.SCORED, "p", payload=score_probe(probe, EVIL, [])),
                Event(number, lane, 0, 4, Kind.LANE_FAILED, payload={"message": EVIL, "traceback": EVIL}),
            ]
        )
    return path


def test_what_files_say_is_text_and_never_markup(tmp_path: Path) -> None:
    html, page = page_of(evil_trace(tmp_path / "evil.mnemo"))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert "<script" not in html
    assert page.text.count("<script>alert(1)</script>") > 8
    assert "{{ 7 * 7 }}" in page.text
    assert [t for t, _ in page.tags].count("style") == 1


def test_losses_and_warnings_are_listed(tmp_path: Path) -> None:
    _, page = page_of(evil_trace(tmp_path / "evil.mnemo"))
    for what in ("lost: ", "the strategy failed: ", "model call “answer”: "):
        assert what in page.text
    assert "This run has not finished." in page.text


def benchmark_page(folder: Path, verdicts: bool = True) -> Page:
    path = benchmark_run(folder / "run.mnemo")
    if verdicts:
        with TraceWriter(path) as writer:
            verdict = {
                "name": "locomo-judge",
                "judge": "small",
                "value": 1.0,
                "verdict": "yes",
                "reason": "<b>same</b>",
            }
            tested = {"name": "locomo-judge", "judge": "small", "accepted": 63, "wrong": 71, "right_accepted": 20}
            writer.append([Event(1, 1, 0, 1000, Kind.JUDGED, "q0", payload=verdict)])
            writer.append([Event(0, 0, 0, 1001, Kind.JUDGE_TESTED, "", payload=tested | {"right": 24})])
    return page_of(path)[1]


def test_published_scores_controls_comparisons_and_judges_are_in_the_report(tmp_path: Path) -> None:
    text = " ".join(benchmark_page(tmp_path).text.split())
    heads = "1 multi-hop2 temporal3 open-domain4 single-hop5 adversarialall"
    assert f"LoCoMo locomo-f1 Lane{heads}" in text
    with TraceReader(tmp_path / "run.mnemo") as reader:
        for lane in standings(reader):
            for column in lane.papers["LoCoMo"]:
                assert column.interval is not None
                assert f"{column.mean * 100:.1f}" in text
                assert f"{column.interval.low * 100:.0f}–{column.interval.high * 100:.0f}" in text
        pairs = [p for c in compared(reader, scored(reader)[0]) for p in c.pairs]
    assert text.count("p (Holm)") == 2
    assert all(f"{p.comparison.difference * 100:+.1f}" in text for p in pairs)
    assert "small as locomo-judge accepts 63 of 71 vague wrong answers (89 %)" in text
    assert "controls: without memory 12.5 % are right, with the evidence alone 100.0 %" in text
    assert "answerable without memory: 1 probe: q0" in text
    assert "full context fitted whole for 9 of 10 probes" in text
    assert "not scored: locomo-judge of" in text
    assert "judge: yes" in text
    with TraceReader(tmp_path / "run.mnemo") as reader:
        assert 'title="locomo-judge by small: &lt;b&gt;same&lt;/b&gt;"' in report(reader)
    assert text.count("◦ Which one, 0?") == 1  # the one question that needs no memory


def test_what_was_cut_is_a_column_and_a_loss_and_then_nothing_claims_to_be_whole(tmp_path: Path) -> None:
    page = benchmark_page(tmp_path, verdicts=False)
    assert "Context cut" in page.text
    assert "no room in the context" in page.text
    assert "Nothing was dropped" not in page.text
    assert " ".join(page.text.split()).count("1 of 10") >= 6


def test_pictures_stand_in_the_page_in_its_own_colours(tmp_path: Path) -> None:
    benchmark_run(tmp_path / "run.mnemo")
    html, _ = page_of(tmp_path / "run.mnemo")
    for what in ("Length and depth", "Score over tokens"):
        assert f"<h2>{what}</h2>" in html
    assert 'fill="var(--lane0)"' in html


def test_an_empty_run_says_so(tmp_path: Path) -> None:
    with TraceWriter(tmp_path / "empty.mnemo"):
        pass
    _, page = page_of(tmp_path / "empty.mnemo")
    assert "No probe has been scored yet." in page.text
    assert "Nothing was dropped" in page.text


def test_a_long_session_does_not_make_a_long_timeline(tmp_path: Path) -> None:
    html, _ = page_of(write_trace(tmp_path / "long.mnemo", turns=1000, items=60, probes=4, lanes=("full",)))
    strip = html[html.index('<svg class="strip"') :]
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', strip)
    assert 60 < len(bars) <= BINS * 10
    for _, x, y, width, height in bars:
        assert 0 <= float(x) <= 1000 - float(width) + 0.01
        assert 0 <= float(y) <= 62
        assert 0 < float(height) <= 62
    assert re.search(r"turns \d*[05] to \d*[49]: 1 written", strip)


@pytest.mark.parametrize(("correct", "n"), [(0, 1), (3, 9), (9, 9)])
def test_an_interval_is_drawn_to_scale(correct: int, n: int) -> None:
    low, high = wilson(correct, n)
    drawn = ElementTree.fromstring(interval(Cell("x", n, correct, correct / n, low, high, 0.0), 9))
    point, bar = drawn.find("circle"), drawn.find("rect")
    assert point is not None
    assert bar is not None
    assert float(point.attrib["cx"]) == pytest.approx(2 + 116 * correct / n, abs=0.1)
    assert float(bar.attrib["x"]) == pytest.approx(2 + 116 * low, abs=0.1)
    assert float(bar.attrib["width"]) == pytest.approx(116 * (high - low), abs=0.15)
    assert "lane1" in bar.attrib["class"]


def test_every_lane_shape_is_its_own() -> None:
    assert len(set(SHAPES)) == 8
