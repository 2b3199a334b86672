from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QColor, QTextDocument

from ui.widgets import rich
from ui.widgets.rich import VERBS, RichView
from workbench.projections.diff import ORDER, word_diff


@pytest.fixture
def view(qtbot: Any) -> RichView:
    made = RichView()
    qtbot.addWidget(made)
    return made


def test_what_people_wrote_stays_text(view: RichView) -> None:
    view.show_html(rich.block(rich.plain('<b>& "x"</b>\nnext')), QColor("red"))
    assert view.toPlainText() == '<b>& "x"</b>\nnext'


def test_a_diff_shows_both(view: RichView) -> None:
    html = rich.pieces(word_diff("lives in Lima", "lives in <Oslo>"))
    assert 'class="gone">Lima</span>' in html and 'class="new">&lt;Oslo&gt;</span>' in html
    view.show_html(html, QColor("red"))
    assert view.toPlainText() == "lives in Lima<Oslo>"


def test_links_lead_somewhere(view: RichView, qtbot: Any) -> None:
    view.show_html(rich.turn_link(41) + rich.item_link("turn 3: a/b") + rich.toggle("9", "show"), QColor("red"))
    with qtbot.waitSignal(view.turn_wanted) as signal:
        view.anchorClicked.emit(QUrl("turn:41"))
    assert signal.args == [41]
    hrefs = [part.split('"')[0] for part in view.document().toHtml().split('href="')[1:]]
    with qtbot.waitSignal(view.item_wanted) as signal:
        view.anchorClicked.emit(QUrl(hrefs[1]))
    assert signal.args == ["turn 3: a/b"]
    with qtbot.waitSignal(view.toggled) as signal:
        view.anchorClicked.emit(QUrl(hrefs[2]))
    assert signal.args == ["9"]


def test_marks_are_drawn(view: RichView) -> None:
    view.show_html(rich.mark("item.written"), QColor("#ff0000"))
    found = view.loadResource(int(QTextDocument.ResourceType.ImageResource.value), QUrl("mark:item.written"))
    image = found.toImage()  # type: ignore[attr-defined]
    assert image.pixelColor(image.width() // 2, image.height() // 2).red() == 255


def test_every_operation_has_a_word_and_long_values_are_cut() -> None:
    assert set(VERBS) == set(ORDER)
    assert "1,800 more characters" in rich.plain("x" * 3000)


def test_a_subject_keeps_its_place_and_another_begins_at_its_top(view: RichView) -> None:
    html = "".join(rich.block(f"line {i}") for i in range(200))
    view.resize(200, 100)
    view.show()
    view.show_html(html, QColor("red"), "note-1")
    bar = view.verticalScrollBar()
    bar.setSliderPosition(300)
    bar.triggerAction(bar.SliderAction.SliderMove)
    for change in (lambda: None, lambda: view.resize(220, 140), lambda: view.resize(200, 90)):
        change()
        view.show_html(html + rich.block("more"), QColor("red"), "note-1")
        assert bar.value() == 300
    view.show_html(html + rich.block("other"), QColor("red"), "note-2")
    view.resize(200, 130)
    assert bar.value() == 0
