"""Starts the studio's processes, restarts any that crash, and leaves none behind at the end.

It never touches the database, which may hang, so that it can stop everything at any time.
"""

import logging
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from .process_group import kill_group, start_process_group

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
STOP_GRACE_SECONDS = 4.0
"""How long to wait for processes to stop on their own. A render can't: it is started again with the studio."""
KILLED_WITHIN_SECONDS = 3.0
MIN_RESTART_SECONDS = 0.5
MAX_RESTART_SECONDS = 30.0
STEADY_AFTER_SECONDS = 60.0
MAX_SILENT_SECONDS = 30.0
"""Of a process that shows signs of life. Generous, since a machine may be very busy."""


class Child:
    """One process group: its work, and when to start it.

    `silence` says for how many seconds it has shown no sign of life, if it can tell.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        on_end: Callable[[], None] = lambda: None,
        silence: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.name = name
        self.pid: int | None = None
        self._work, self._on_end, self._silence = work, on_end, silence
        self._started_at = 0.0
        self._start_at = 0.0
        self._restart_seconds = MIN_RESTART_SECONDS

    def start_if_due(self, lifeline: tuple[int, int]) -> None:
        if self.pid is None and time.monotonic() >= self._start_at:
            self.pid = start_process_group(self.name, self._work, lifeline)
            self._started_at = time.monotonic()

    def kill_if_silent(self) -> None:
        """Kill it if it hangs."""
        if self.pid is not None and self._silence() > MAX_SILENT_SECONDS:
            logger.error("%s hangs; killing it.", self.name)
            kill_group(self.pid)
            self._on_end()

    def ended(self, how: str) -> None:
        """The group's leader has ended: kill the rest of the group and restart it after a growing delay."""
        assert self.pid is not None
        kill_group(self.pid)
        self.pid = None
        self._on_end()
        if time.monotonic() - self._started_at > STEADY_AFTER_SECONDS:
            self._restart_seconds = MIN_RESTART_SECONDS
        logger.error("%s ended (%s); restarting it in %.1f s.", self.name, how, self._restart_seconds)
        self._start_at = time.monotonic() + self._restart_seconds
        self._restart_seconds = min(self._restart_seconds * 2, MAX_RESTART_SECONDS)


class Supervisor:
    """Runs the children until SIGINT, SIGTERM or SIGHUP."""

    def __init__(self, children: Sequence[Child], on_tick: Callable[[], None]) -> None:
        self._children = children
        self._on_tick = on_tick
        self._stop_signals = 0

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup, SIGHUP must not stop it.
            if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN):
                signal.signal(number, self._ask_to_stop)
        lifeline = os.pipe()
        try:
            while not self._stop_signals:
                for child in self._children:
                    child.start_if_due(lifeline)
                    child.kill_if_silent()
                for child, how in self._reaped():
                    child.ended(how)
                self._on_tick()
                time.sleep(TICK_SECONDS)
        finally:
            self._stop()

    def _ask_to_stop(self, *_: Any) -> None:
        self._stop_signals += 1

    def _reaped(self) -> list[tuple[Child, str]]:
        """The children that have ended, and how. Reaps orphans too: in a container, this process inherits them."""
        by_pid = {child.pid: child for child in self._children if child.pid}
        ended = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid in by_pid:
                code = os.waitstatus_to_exitcode(status)
                ended.append((by_pid[pid], f"exit code {code}" if code >= 0 else signal.Signals(-code).name))
        return ended

    def _stop(self) -> None:
        """Ask every child to stop, then kill what is left of every group: straight away on a second signal."""
        groups = [child.pid for child in self._children if child.pid]
        running = set(groups)
        for pid in groups:
            os.kill(pid, signal.SIGTERM)
        asked_at, signals_before = time.monotonic(), self._stop_signals
        while running and time.monotonic() - asked_at < STOP_GRACE_SECONDS and self._stop_signals == signals_before:
            running -= {child.pid for child, _ in self._reaped()}
            time.sleep(TICK_SECONDS / 4)
        for pid in groups:
            kill_group(pid)
        killed_at = time.monotonic()
        while any(map(_group_is_alive, groups)) and time.monotonic() - killed_at < KILLED_WITHIN_SECONDS:
            self._reaped()
            time.sleep(TICK_SECONDS / 4)


def _group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
