"""The fake clock, and processes that take turns on it.

A process is a group of threads (greenlets) that die together. A thread runs until it sleeps; then the clock jumps to
the next event on the agenda. So processes only interleave where they sleep, are paused, or wait for an answer: at
moments drawn from the seed.
"""

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

import greenlet  # type: ignore[import-untyped]
import time_machine

from tchavi_studio.generations.upstream.network import Exchange

START = 1_772_366_400.0
"""2026-03-01 12:00 UTC, when every world begins."""


class Killed(BaseException):
    """This process has been killed. The studio's code must not catch it."""


class OutOfTime(BaseException):  # like KeyboardInterrupt, it isn't an error of the interrupted code
    """An exchange has exceeded its time limit."""


class Thread:
    """A thread of a process."""

    def __init__(self, process: "Process", work: Callable[[], None]) -> None:
        self.process = process
        self.deadline = float("inf")
        self.has_reached_provider = True
        self.late_delivery: Exchange | None = None
        """A request in flight until it `has_reached_provider`. If the process dies, it may still arrive."""
        self._work = work
        self._greenlet: Any = greenlet.greenlet(self._run, process.hub.main)
        self._greenlet.thread = self

    def resume(self) -> None:
        """Run until the next sleep, or to the end."""
        self._greenlet.switch()

    def end(self) -> None:
        """Unwind the thread where it is. Clean-up code still runs, but has no effect outside the process."""
        if self._greenlet:
            self._greenlet.throw(Killed)

    def _run(self) -> None:
        try:
            self._work()
        except Killed:
            pass
        finally:
            self.process.threads.remove(self)


class Process:
    """A group of threads. `name` is for the log; `kind` decides what may happen to it."""

    def __init__(self, hub: "Hub", kind: str, number: int) -> None:
        self.hub = hub
        self.kind = kind
        self.name = f"{kind} {number}"
        self.is_dead = False
        self.is_stopping = False
        self.paused_until = 0.0
        self.threads: list[Thread] = []

    def start(self, work: Callable[[], None]) -> Thread:
        """Start a thread; it first runs when it is next on the agenda."""
        thread = Thread(self, work)
        self.threads.append(thread)
        self.hub.later(0.0, lambda: self.resume(thread))
        return thread

    def resume(self, thread: Thread) -> None:
        """Resume a thread: now, when the process is no longer paused, or never if it is dead."""
        if self.is_dead or thread not in self.threads:
            return
        if self.paused_until > self.hub.now:
            self.hub.later(self.paused_until - self.hub.now, lambda: self.resume(thread))
        else:
            thread.resume()

    def kill(self) -> None:
        """Kill the process: its threads never resume."""
        self.is_dead = True
        self.hub.later(0.0, self.end_threads)

    def end_threads(self) -> None:
        self.is_dead = True
        for thread in list(self.threads):
            thread.end()
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
        """The running thread; None for the agenda itself."""
        thread: Thread | None = getattr(greenlet.getcurrent(), "thread", None)
        return thread

    @property
    def process(self) -> Process:
        """The running process."""
        thread = self.thread
        assert thread is not None
        return thread.process

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + max(0.0, seconds), next(self._numbers), action))

    def run(self, *, until: float, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Process events. Returns True once `is_over`, or False when the clock would pass `until`."""
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
        """Let others run for that long. Only threads can sleep, not the agenda itself."""
        Alarm(self).wait(seconds)

    def sleep_in_exchange(self, seconds: float) -> None:
        """Sleep as part of an exchange, which has a deadline. Raises `OutOfTime`."""
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
        """Sleep until the alarm rings, for at most `seconds`."""
        thread = self._hub.thread
        assert thread is not None, "only a thread can wait"
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
