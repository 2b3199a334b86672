"""Talks: steps of a story are taken from the window and shown in it again, without chrome and in large type."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget

from ui.panels.base import Panel
from ui.panels.scrubber import ScrubberPanel
from ui.state.roster import Arrangement
from ui.state.storybook import Storybook
from ui.state.workspace import Workspace
from ui.widgets.caption import Caption
from ui.widgets.inspector import Inspector
from ui.widgets.notice import Notice
from ui.widgets.spotlight import Spotlight
from workbench.errors import MnemoscopeError
from workbench.trace.story import Step, from_file, to_file

_NEXT = {Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_PageDown, Qt.Key.Key_Return, Qt.Key.Key_Enter}
_PREVIOUS = {Qt.Key.Key_Left, Qt.Key.Key_Up, Qt.Key.Key_PageUp, Qt.Key.Key_Backspace}
_JUMPS = {Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_Escape}


class Scene(Protocol):
    """What the stage needs of ``ui.window.MainWindow``; each method says there what it does."""

    workspace: Workspace
    notice: Notice
    inspector: Inspector
    second: Inspector
    layout_name: str

    @property
    def timeline(self) -> ScrubberPanel: ...
    @property
    def type_zoom(self) -> int: ...
    def layout_in_force(self) -> str: ...
    def show_steps(self) -> None: ...
    def set_layout(self, name: str) -> None: ...
    def set_type(self, zoom: int) -> None: ...
    def set_telling(self, telling: bool) -> None: ...
    def isActiveWindow(self) -> bool: ...


class Stage(QObject):
    """Takes steps, shows them, tells them one after the other."""

    def __init__(self, scene: Scene, root: QWidget) -> None:
        super().__init__(root)
        self._scene, self._space = scene, scene.workspace
        self.book = Storybook(scene.workspace, self)
        caption = Caption()
        self.caption, self.light = caption, Spotlight(root, caption)
        self._zoom, self._lanes = 0, Arrangement()
        self.caption.wanted.connect(self._wanted)
        self.book.trouble.connect(lambda what: scene.notice.say(what))
        self.book.turned.connect(self._caption)
        self.book.changed.connect(self._caption)
        scene.workspace.opened.connect(self._left)

    # Taking.

    def taken(self) -> Step:
        """The window as it is, as a step with a name that says where one stands."""
        space, scene, at = self._space, self._scene, self._space.moment
        run, stretch = space.run, scene.timeline.stretch
        lane = run.name(at.lane) if run else ""
        return Step().but(
            name=" · ".join(part for part in (f"turn {at.turn}", lane, self._front()) if part),
            layout=scene.layout_in_force(), tabs=(scene.inspector.current, scene.second.current), zoom=scene.type_zoom,
            session=at.session, turn=at.turn, event=at.seq or 0, lane=lane, item=at.item, probe=at.probe,
            pinned=at.pinned, token=-1 if at.token is None else at.token,
            thread=-1 if at.thread is None else at.thread, spot=self.light.lit,
            lanes=tuple(run.name(n) for n in space.roster.shown()) if run and space.roster.arranged else (),
            first=0.0 if stretch.whole else stretch.first, last=0.0 if stretch.whole else stretch.last,
        )  # fmt: skip

    def add(self) -> None:
        """Story → Add a step: the window as it is."""
        try:
            place = self.book.add(self.taken())
        except MnemoscopeError as error:
            self._scene.notice.say(str(error))
            return
        step = self.book.steps[place]
        offers = [("Name and note…", self._scene.show_steps), ("Play", self.play)]
        self._scene.notice.say(f"Step {place + 1} of the story: {step.name}", offers, calm=True)

    def _front(self) -> str:
        panel = self._scene.inspector.panel
        return panel.name if panel is not None and panel.isVisible() else ""

    # Showing.

    def show(self, step: Step) -> None:
        """Stand where a step stands; what is no longer there is passed over."""
        scene, space, run = self._scene, self._space, self._space.run
        if run is None:
            return
        if step.layout and step.layout != scene.layout_in_force():
            scene.set_layout(step.layout)
        scene.set_type(step.zoom)
        for inspector, tab in zip((scene.inspector, scene.second), step.tabs, strict=True):
            if inspector.knows(tab):
                inspector.show_panel(tab)
        if step.session in run.sessions and step.session != space.cursor.session:
            space.enter(step.session, step.turn)
        if step.lanes or space.roster.arranged:
            space.roster.show_only(step.lanes)
        lane = next((row.id for row in run.lanes if row.name == step.lane), space.selection.now.lane)
        session = space.session
        probe = step.probe if session and any(p.id == step.probe for p in session.probes) else ""
        space.jump(
            step.turn, lane=lane, item=step.item, probe=probe, pinned=step.pinned and bool(probe),
            token=None if step.token < 0 else step.token, thread=None if step.thread < 0 else step.thread,
        )  # fmt: skip
        if step.event:
            space.cursor.go(step.turn, step.event)
        scene.timeline.show_stretch(step.first, step.last)
        # The parts of another layout come to be seen with the next event.
        QTimer.singleShot(0, self, lambda: self.light.light(self._panel(step.spot)))

    def _panel(self, name: str) -> Panel | None:
        window = self.caption.window()
        return next((p for p in window.findChildren(Panel) if p.name == name and p.isVisible()), None) if name else None

    # Telling.

    def play(self, at: int | None = None) -> None:
        """Story → Play: from the step one stands at, else from the first."""
        if self.book.telling:
            self.end()
            return
        if not self.book.steps:
            self._scene.notice.say("This run has no story yet. S adds where you stand as a step.", calm=True)
            return
        self._scene.notice.hide()
        self._zoom, self._lanes = self._scene.type_zoom, self._space.roster.now
        self._scene.set_telling(True)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)
        self.book.tell(True)
        self.go(at if at is not None else max(0, self.book.at))

    def go(self, place: int) -> None:
        """To a step, whether the story is being told or not."""
        if 0 <= place < len(self.book.steps):
            self.show(self.book.steps[place])
            self.book.turn_to(place)

    def next(self) -> None:
        """One step on."""
        self.go(self.book.at + 1)

    def previous(self) -> None:
        """One step back."""
        self.go(self.book.at - 1)

    def end(self) -> None:
        """Stop telling: chrome, type and the lanes on show are as before; one stays at the step."""
        if not self.book.telling:
            return
        app = QApplication.instance()
        if app is not None:
            app.removeEventFilter(self)
        self.light.light(None)
        self.book.tell(False)
        self._scene.set_telling(False)
        self._scene.set_type(self._zoom)
        self._space.roster.put_back(self._lanes)

    def _left(self) -> None:
        """Another run is open, whose lanes are arranged in their own way."""
        self._lanes = self._space.roster.now
        self.end()

    def spotlight(self) -> None:
        """View → Spotlight: on what is pointed at, or off."""
        if self.light.on:
            self.light.light(None)
        else:
            self.light.light_pointed()

    def export(self, path: Path) -> None:
        """Write the story as JSON. Raises ``MnemoscopeError`` where it cannot be written."""
        run = self._space.run
        to_file(path, self.book.steps, run.path.name if run else "")

    def read(self, path: Path) -> None:
        """Append the steps of a story file. Raises ``MnemoscopeError``."""
        self.book.put((*self.book.steps, *from_file(path)))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() not in (QEvent.Type.KeyPress, QEvent.Type.ShortcutOverride) or not isinstance(event, QKeyEvent):
            return False
        if QApplication.activeModalWidget() is not None or not self._scene.isActiveWindow():
            return False
        key = Qt.Key(event.key())
        plain_key = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
        if not plain_key or key not in _NEXT | _PREVIOUS | _JUMPS:
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self._key(key)
        return True

    def _key(self, key: Qt.Key) -> None:
        if key in _NEXT:
            self.next()
        elif key in _PREVIOUS:
            self.previous()
        elif key == Qt.Key.Key_Escape:
            self.end()
        else:
            self.go(0 if key == Qt.Key.Key_Home else len(self.book.steps) - 1)

    def _wanted(self, what: str) -> None:
        {"previous": self.previous, "next": self.next, "end": self.end}[what]()

    def _caption(self) -> None:
        book = self.book
        if book.telling and book.step is not None:
            self.caption.say(book.step, book.at, len(book.steps))
        else:
            self.caption.hide()
