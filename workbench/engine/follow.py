"""Lanes that replay a session while it is recorded: the same turns as the running agent's, as they come."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from threading import Event, Thread

from workbench.engine.config import RunConfig
from workbench.engine.control import Control
from workbench.engine.run import _open, _Reporter, _Run, _specs
from workbench.llm.base import Backend
from workbench.replay import LaneReplay
from workbench.sessions.model import Session
from workbench.trace.writer import TraceWriter


class Follower(Thread):
    """Replays what is recorded through lanes, in a thread of its own.

    Args:
        config: lanes, model and settings; its sessions are not looked at.
        writer: of the run file that is recorded.

    Raises ``UsageError`` for lanes that are none. What ends the thread early is ``problem``.
    """

    def __init__(self, config: RunConfig, writer: TraceWriter) -> None:
        super().__init__(name="lanes", daemon=True)
        self.problem: BaseException | None = None
        self._specs = _specs(config.lanes)
        config = replace(config, out=writer.path)
        self._run_ = _Run(config, self._specs, [], writer, _Reporter(None, None), Control(), None)
        self._writer, self._news, self._end = writer, Event(), Event()
        self._lanes = [self._run_._add_lane(spec) for spec in self._specs]
        self._replays: dict[int, list[LaneReplay]] = {}

    def heard(self) -> None:
        """There are new turns."""
        self._news.set()

    def finish(self) -> None:
        """Replay what is left and end."""
        self._end.set()
        self._news.set()
        self.join()

    def run(self) -> None:
        """Follow until the end."""
        try:
            asyncio.run(self._follow())
        except BaseException as error:  # told by the recorder, which goes on
            self.problem = error

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        backend = await loop.run_in_executor(None, _open, self._run_.config)
        try:
            self._run_._loaded(backend, False)
            with self._writer.reader() as reader:
                while True:
                    await loop.run_in_executor(None, self._news.wait)
                    last = self._end.is_set()
                    self._news.clear()
                    for number in reader.session_names():
                        await self._catch_up(reader.session(number), number, backend)
                    if last:
                        return
        finally:
            backend.close()

    async def _catch_up(self, session: Session, number: int, backend: Backend) -> None:
        """Every lane takes in what it has not; lanes in step, as in a run."""
        if number not in self._replays:
            lanes = zip(self._lanes, self._specs, strict=True)
            self._replays[number] = [self._run_._lane(session, number, *lane, backend) for lane in lanes]
        replays = self._replays[number]
        for replay in replays:
            replay.grow(session)
        for turn in session.turns[min(r.closed for r in replays) + 1 :]:
            async with asyncio.TaskGroup() as group:
                for replay in replays:
                    group.create_task(replay.observe(turn))
