"""The funnel's names at every width and type size."""

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QRect

from ui.theme import theme
from ui.widgets.funnel import FunnelBar
from workbench.projections.why import BROKE, HELD, Station
from workbench.why.funnel import STAGES


@pytest.fixture
def twice(qapp: Any) -> Iterator[None]:
    theme.use("light", 2 * theme.NORMAL)
    yield
    theme.use("dark", theme.NORMAL)


@pytest.mark.parametrize("width", [330, 420, 640, 1200])
def test_twice_the_type_cuts_no_name(qtbot: Any, twice: None, width: int) -> None:
    bar, went = FunnelBar(lambda station: went.append(station.stage)), []
    qtbot.addWidget(bar)
    bar.show_stations([Station(stage, BROKE if stage == "used" else HELD, None) for stage in STAGES])
    bar.resize(width, bar.height())
    bar.show()
    bar.grab()
    now, metrics = theme.active(), theme.active().metrics("small", bold=True)
    places = [bar._name_rect(now, n) for n in range(len(STAGES))]
    assert all(rect.width() >= metrics.horizontalAdvance(stage) for rect, stage in zip(places, STAGES, strict=True))
    assert all(bar.rect().contains(rect) for rect in places)
    written = [
        QRect(rect.center().x() - metrics.horizontalAdvance(stage) // 2, rect.y(), metrics.horizontalAdvance(stage), 1)
        for rect, stage in zip(places, STAGES, strict=True)
    ]
    assert not any(one.intersects(other) for n, one in enumerate(written) for other in written[:n])
    for n, stage in enumerate(STAGES):
        zone = bar.zone_at(places[n].center())
        assert zone is not None and zone.click is not None
        zone.click()
        assert went[-1] == stage
