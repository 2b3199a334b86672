"""The bar at the top: which session, playback, where the cursor is, what computes, layout and palette."""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ui.bridge.engine_client import EngineClient
from ui.commands.registry import Registry
from ui.panels.base import ElidedLabel
from ui.samples import is_sample
from ui.state.moment import Moment
from ui.state.pace import Remaining
from ui.state.player import SPEEDS, Player
from ui.state.workspace import Workspace
from ui.theme import theme
from ui.widgets.mnemonics import follow, literal
from ui.widgets.plain import Label, plain
from ui.widgets.units import still

BUTTONS = (
    ("playback.previous-probe", "mdi6.skip-previous"),
    ("playback.back", "mdi6.step-backward"),
    ("playback.toggle", "mdi6.play"),
    ("playback.forward", "mdi6.step-forward"),
    ("playback.next-probe", "mdi6.skip-next"),
    ("playback.next-wrong", "mdi6.alert-circle-outline"),
    ("playback.next-change", "mdi6.pencil"),
)
_NARROW = 150  # letters of width from which the pinned probe is named
_TIGHT = 100  # and from which the speed and the device are shown; menus and Engine have them, too
_NAME = 9  # characters of a session's name that are always read
_MODEL = 24  # characters of a model's name; a longer one gives way to its file's
_PIN = 12  # characters of a pinned probe's name
LIVE = (("run.pause", "mdi6.pause"), ("run.step", "mdi6.debug-step-over"), ("run.cancel", "mdi6.stop"))


class _Pill(ElidedLabel):
    """Gives way where the bar is narrow, and keeps the tooltip that it was given."""

    def _elide(self) -> None:
        says = self.toolTip()
        super()._elide()
        super().setToolTip(says)


class Transport(QFrame):
    """Buttons stand for commands of the registry; the bar holds no state of its own."""

    def __init__(self, workspace: Workspace, player: Player, client: EngineClient, registry: Registry) -> None:
        super().__init__()
        self._workspace, self._player, self._client, self._registry = workspace, player, client, registry
        self.setProperty("part", "bar")
        self._widest = ""
        self._remaining = Remaining()
        self._buttons: dict[str, tuple[QToolButton, str]] = {}
        self._row = QHBoxLayout(self)
        self._build()
        workspace.moved.connect(self._moved)
        workspace.opened.connect(self._opened)
        workspace.selection.changed.connect(registry.update)
        player.changed.connect(self._played)
        client.state_changed.connect(self._engine)
        client.loading.connect(self._loading)
        client.progressed.connect(self._progressed)
        theme.hub().changed.connect(self.retheme)
        self.retheme()
        self._opened()
        self._engine(client.state)

    def _build(self) -> None:
        left, middle, right = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        self.session = QToolButton()
        self.session.setProperty("part", "plain")
        self.session.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.session.setToolTip("Choose a session of this run")
        self.session.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.session.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow after the name
        self.session.setMenu(follow(QMenu(self.session)))
        self.file = ElidedLabel()
        self.file.setProperty("part", "faint")
        self.session.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.session.setMinimumWidth(64)
        left.addWidget(self.session)
        self.samples = self._button("file.other-sample", "mdi6.swap-horizontal")
        left.addWidget(self.samples)
        left.addWidget(self.file, 1)
        for name, icon in BUTTONS:
            middle.addWidget(self._button(name, icon))
        self.turn, self.of = Label(), Label()
        self.turn.setProperty("part", "title")
        self.of.setProperty("part", "quiet")
        self.speed = QToolButton()
        self.speed.setProperty("part", "quiet")
        self.speed.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.speed.setToolTip("Speed of playback")
        self.speed.setMenu(follow(QMenu(self.speed)))
        self.speed.setMinimumWidth(1)  # hidden where there is no room, it keeps no window from becoming narrow
        for button in (self.session, self.speed):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        for speed in SPEEDS:
            action = self.speed.menu().addAction(speed_text(speed))
            action.triggered.connect(lambda _=False, s=speed: self._player.set_speed(s))
        self.pinned = self._button("select.pin", "mdi6.pin")
        self.pinned.hide()
        middle.addSpacing(8)
        for widget in (self.turn, self.of, self.speed):
            middle.addWidget(widget)
        right.addWidget(self.pinned)
        right.addStretch(1)
        right.addWidget(self._live_part())
        self.pill = _Pill()
        self.pill.setProperty("part", "small")
        right.addWidget(self.pill)
        right.addSpacing(8)
        self.layouts = QToolButton()
        self.layouts.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.layouts.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.layouts.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        self.layouts.setToolTip("Layout")
        self.layouts.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.layouts.setMenu(QMenu(self.layouts))
        right.addWidget(self.layouts)
        right.addWidget(self._button("view.palette", "mdi6.magnify"))
        for part, stretch in ((left, 1), (middle, 0), (right, 1)):
            part.setSpacing(4)
            holder = QWidget()
            part.setContentsMargins(0, 0, 0, 0)
            holder.setLayout(part)
            self._row.addWidget(holder, stretch)

    def _button(self, name: str, icon: str) -> QToolButton:
        button = QToolButton()
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        action = self._registry.action(name)
        button.setToolTip(plain(action.toolTip()))
        button.setAccessibleName(self._registry[name].title.rstrip("…"))
        button.clicked.connect(lambda: self._registry.run(name))
        action.changed.connect(lambda: button.setEnabled(action.isEnabled()))
        self._buttons[name] = (button, icon)
        return button

    def _live_part(self) -> QWidget:
        self.live = QWidget()
        row = QHBoxLayout(self.live)
        row.setContentsMargins(0, 0, 8, 0)
        row.setSpacing(4)
        column = QVBoxLayout()
        column.setSpacing(2)
        self.doing = ElidedLabel()
        self.doing.setProperty("part", "faint")
        self.doing.setMinimumWidth(64)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        column.addStretch(1)
        column.addWidget(self.doing)
        column.addWidget(self.progress)
        column.addStretch(1)
        row.addLayout(column)
        for name, icon in LIVE:
            row.addWidget(self._button(name, icon))
        return self.live

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._moved(self._workspace.moment)

    def retheme(self) -> None:
        """Icons and paddings anew."""
        now = theme.active()
        self._row.setContentsMargins(now.unit(4), now.unit(2), now.unit(4), now.unit(2))
        self._row.setSpacing(now.unit(2))
        size = QSize(now.size + 7, now.size + 7)
        for name, (button, icon) in self._buttons.items():
            primary = name == "playback.toggle"
            button.setProperty("part", "primary" if primary else "plain" if button is self.samples else None)
            button.setIcon(now.icon(icon, "on-accent" if primary else "text"))
            button.setIconSize(size)
            button.style().unpolish(button)
            button.style().polish(button)
        for chooser in (self.session, self.layouts):
            chooser.setIcon(now.icon("mdi6.chevron-down"))
        self.session.setFont(now.font("title", bold=True))
        self.turn.setFont(now.font("title", bold=True))
        self.turn.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._widest = ""
        self._moved(self._workspace.moment)
        self._played()
        self._status()

    def fill_layouts(self, names: list[str], chosen: str) -> None:
        """Show the layout in force; the menu is the window's."""
        self.layouts.setText(chosen)

    def _opened(self) -> None:
        run = self._workspace.run
        self._registry.update()
        menu = self.session.menu()
        menu.clear()
        self.session.setEnabled(run is not None)
        if run is None:
            self.session.setText("No run is open")
            self.file.setText("")
        else:
            for number, name in run.sessions.items():
                menu.addAction(literal(name)).triggered.connect(lambda _=False, n=number: self._workspace.enter(n))
            self.file.setText(f"sample · {run.path.name}" if is_sample(run.path) else run.path.name)
        self.samples.setVisible(self._registry.action("file.other-sample").isEnabled())
        self._moved(self._workspace.moment)
        self._status()

    def _moved(self, moment: Moment) -> None:
        run, session = self._workspace.run, self._workspace.session
        self.pinned.setVisible(moment.pinned)
        letters = self.width() / theme.active().metrics().horizontalAdvance("x")
        style = (
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon if letters >= _NARROW else Qt.ToolButtonStyle.ToolButtonIconOnly
        )
        self.pinned.setToolButtonStyle(style)
        self.speed.setVisible(letters >= _TIGHT)
        self.pill.setVisible(letters >= _TIGHT)
        self.pinned.setText(moment.probe if len(moment.probe) <= _PIN else moment.probe[: _PIN - 1] + "…")
        if run is None or session is None:
            self.turn.setText("turn –")
            self.of.setText("")
            return
        if self.session.menu().isEmpty() or len(self.session.menu().actions()) != len(run.sessions):
            self._opened()
            return
        name = run.sessions.get(moment.session, "")
        most = min(48, max(10, (self.width() - self.minimumSizeHint().width()) // theme.active().unit(4)))
        shown = name if len(name) <= most else name[: most - 1] + "…"
        self.session.setText(shown)
        self.session.setMinimumWidth(self._least(shown))
        self.session.setToolTip(plain(f"{name}\nChoose a session of this run"))
        self.turn.setText(f"turn {moment.turn}" + (f" · event {moment.seq}" if moment.seq is not None else ""))
        self.of.setText(f"of {len(session.turns) - 1}")
        widest = f"turn {len(session.turns) - 1}" + (f" · event {moment.seq}" if moment.seq is not None else "")
        if widest != self._widest:  # so that the bar stands still while the cursor moves
            self._widest = widest
            width = theme.active().metrics("title", bold=True).horizontalAdvance(widest) + 2
            # in both directions: else each turn has the whole window laid out anew
            self.turn.setFixedSize(width, self.turn.sizeHint().height())

    def _least(self, name: str) -> int:
        """Width of the session's button at which a short name is read whole; Qt cuts a long one in its middle."""
        metrics, now = theme.active().metrics("title", bold=True), theme.active()
        return min(metrics.horizontalAdvance(name), metrics.horizontalAdvance("x" * _NAME)) + now.size + 7 + now.unit(4)

    def _played(self) -> None:
        button, _ = self._buttons["playback.toggle"]
        icon = "mdi6.pause" if self._player.playing else "mdi6.play"
        button.setIcon(theme.active().icon(icon, "on-accent"))
        self.speed.setText(speed_text(self._player.speed))

    def _status(self) -> None:
        run = self._workspace.run
        engine = run.engine if run else {}
        if not engine:
            self.pill.setText("no model" if run else "")
            self.pill.setToolTip("The run names no model yet")
            return
        device, model = str(engine.get("device", "")).partition(" · ")[0], str(engine.get("name", ""))
        file = str(engine.get("path", ""))
        short = PurePath(file).stem if len(model) > _MODEL and file.endswith(".gguf") else model
        demo = "demo model" if engine.get("demo") else short
        self.pill.setText(f"● {device} · {demo}")
        self.pill.setStyleSheet(f"color: {theme.active().tokens.colors['good']};")
        lines = [
            f"model {model}",
            *([f"file {file}"] if file else []),
            f"device {engine.get('device', '')}",
            f"library {engine.get('backend', '')}",
            f"embedder {engine.get('embedder', '')}",
        ]
        if engine.get("demo"):
            lines.append("The demo model understands the sample sessions' English")
        self.pill.setToolTip(plain("\n".join(lines)))

    def _engine(self, state: str) -> None:
        self.live.setVisible(state in ("loading", "running", "paused"))
        self._remaining.forget()
        if state == "loading":
            self.progress.setRange(0, 0)
        words = {"paused": "paused", "running": "running", "loading": "starting the engine"}
        self.doing.setText(words.get(state, ""))
        button, _ = self._buttons["run.pause"]
        button.setIcon(theme.active().icon("mdi6.play" if state == "paused" else "mdi6.pause", "text"))
        self._registry.update()
        self._status()

    def _loading(self, what: str) -> None:
        self.doing.setText(what)

    def _progressed(self, done: int, total: int, note: str) -> None:
        self.progress.setRange(0, max(1, total))
        self.progress.setValue(done)
        if self._client.state == "running":
            left = self._remaining.after(done, total)
            rest = "" if left is None or done >= total else f"about {still(left)} left"
            said = (rest, f"{done:,} of {total:,} steps", note)  # a narrow bar shows the first alone
            self.doing.setText(" · ".join(filter(None, said)))


def speed_text(speed: float) -> str:
    """``1×``, ``0.5×``."""
    return f"{speed:g}×"
