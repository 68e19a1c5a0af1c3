"""The fake clock, and processes that take turns on it.

A process is a group of threads (greenlets) that die together. One runs until it sleeps; then the next event of the
agenda comes, and the clock jumps to it. So processes mix only where they sleep, are stopped, or wait for an answer:
at moments that the seed draws.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

import greenlet  # type: ignore[import-untyped]
import time_machine

from tchavi_studio.generations.upstream.network import Exchange

START = 1_772_366_400.0
"""2026-03-01 12:00 UTC: every world begins then."""


class Killed(BaseException):
    """This process has died. No code of the studio may catch it."""


class OutOfTime(BaseException):  # like KeyboardInterrupt: not an error of whoever is interrupted
    """An exchange has taken longer than it may."""


class Thread:
    """One line of work of a process."""

    def __init__(self, process: "Process", work: Callable[[], None]) -> None:
        self.process = process
        self.deadline = float("inf")
        self.has_reached_provider = True
        self.late_delivery: Exchange | None = None
        """What is on its way until it `has_reached_provider`: when the process dies, it may arrive all the same."""
        self._work = work
        self._line: Any = greenlet.greenlet(self._run, process.hub.main)
        self._line.thread = self

    def go_on(self) -> None:
        """Run until the next sleep, or to the end."""
        self._line.switch()

    def bury(self) -> None:
        """End here. What is done on the way out reaches nobody: only Python's own things are put in order."""
        if self._line:
            self._line.throw(Killed)

    def _run(self) -> None:
        try:
            self._work()
        except Killed:
            pass
        finally:
            self.process.threads.remove(self)


class Process:
    """A group of threads. `name` stands in the log, `kind` decides what may happen to it."""

    def __init__(self, hub: "Hub", kind: str, number: int) -> None:
        self.hub = hub
        self.kind = kind
        self.name = f"{kind} {number}"
        self.is_dead = False
        self.is_asked_to_stop = False
        self.stopped_until = 0.0
        self.threads: list[Thread] = []

    def start(self, work: Callable[[], None]) -> Thread:
        """Begin a thread; it runs as soon as it is its turn."""
        thread = Thread(self, work)
        self.threads.append(thread)
        self.hub.later(0.0, lambda: self.resume(thread))
        return thread

    def resume(self, thread: Thread) -> None:
        """Let a thread go on: at once, when the process is woken, or never."""
        if self.is_dead or thread not in self.threads:
            return
        if self.stopped_until > self.hub.now:
            self.hub.later(self.stopped_until - self.hub.now, lambda: self.resume(thread))
        else:
            thread.go_on()

    def kill(self) -> None:
        """The process is gone: its threads never go on."""
        self.is_dead = True
        self.hub.later(0.0, self.bury)

    def bury(self) -> None:
        self.is_dead = True
        for thread in list(self.threads):
            thread.bury()
        self.threads.clear()


class Hub:
    """The agenda and its clock. `on_event` is called after each event."""

    def __init__(self, clock: time_machine.Traveller) -> None:
        self.main: Any = greenlet.getcurrent()
        self.now = START
        self.on_event: Callable[[], None] = lambda: None
        self._clock = clock
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    @property
    def thread(self) -> Thread | None:
        """The thread that runs now; None for the agenda itself."""
        thread: Thread | None = getattr(greenlet.getcurrent(), "thread", None)
        return thread

    @property
    def process(self) -> Process:
        """The process that runs now."""
        thread = self.thread
        assert thread is not None
        return thread.process

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + max(0.0, seconds), next(self._numbers), action))

    def run(self, *, until: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Let events happen until `is_over` (True) or that moment (False)."""
        while self._agenda and self._agenda[0][0] <= until:
            at, _number, action = heapq.heappop(self._agenda)
            if at > self.now:
                self.now = at
                self._clock.move_to(at)
            action()
            self.on_event()
            if is_over():
                return True
        return is_over()

    def sleep(self, seconds: float) -> None:
        """Let the others go on for so long. In the agenda itself nothing can wait."""
        Alarm(self).wait(seconds)

    def sleep_on_the_line(self, seconds: float) -> None:
        """Sleep as a part of an exchange, which may take only so long. Raises `OutOfTime`."""
        thread = self.thread
        if thread is None:
            return
        left = thread.deadline - self.now
        self.sleep(min(seconds, max(left, 0.0)))
        if seconds > left:
            raise OutOfTime


class Alarm:
    """Something that a thread can wait for."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._turn = 0
        self._waiting: Thread | None = None

    def wait(self, seconds: float) -> None:
        """Sleep until somebody rings, or so long."""
        thread = self._hub.thread
        assert thread is not None, "only a process can wait"
        self._turn += 1
        turn, self._waiting = self._turn, thread
        self._hub.later(seconds, lambda: self._wake(turn))
        self._hub.main.switch()

    def ring(self) -> None:
        turn = self._turn
        self._hub.later(0.0, lambda: self._wake(turn))

    def _wake(self, turn: int) -> None:
        if turn == self._turn and self._waiting is not None:
            thread, self._waiting = self._waiting, None
            thread.process.resume(thread)
