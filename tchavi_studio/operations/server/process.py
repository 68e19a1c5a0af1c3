"""One process of the web server: its socket, its connections, its threads, and how it stops."""

import asyncio
import resource
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ctypes import c_double
from multiprocessing.sharedctypes import RawValue
from typing import TypeVar

from django.conf import settings

from .connection import Connection
from .wsgi import Application, is_this_machine

PROCESSES = 2
THREADS_PER_PROCESS = 8
MAX_CONNECTIONS = 2000
"""Of one process. Beyond, the one that has kept the server waiting longest makes room for the newest."""
MAX_CONNECTIONS_PER_ADDRESS = 200
"""Of one process: plenty for an office behind one address. Behind proxies all have the same, so there is no bound."""
FILES_PER_CONNECTION = 3
"""The socket, the body, and the file that is sent."""
OTHER_FILES = 200
GRACEFUL_STOP_SECONDS = 3.0
PULSE_SECONDS = 1.0
SWITCH_SECONDS = 0.001
"""How long a busy thread keeps the interpreter from the event loop, which needs it a few times for each request."""
ACCEPT_AGAIN_SECONDS = 0.1

T = TypeVar("T")


class Pulse:
    """Whether the process's event loop turns: a time in memory that it shares with the supervisor."""

    def __init__(self) -> None:
        self._beat_at = RawValue(c_double, 0.0)

    def beat(self) -> None:
        self._beat_at.value = time.monotonic()

    def clear(self) -> None:
        """Forget a process that has ended."""
        self._beat_at.value = 0.0

    def silent_seconds(self) -> float:
        """How long ago the last beat was. 0 before the first."""
        beat_at: float = self._beat_at.value
        return time.monotonic() - beat_at if beat_at else 0.0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError, for example when the port is taken."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    listener = socket.create_server((host, port), family=family, backlog=2048)
    listener.setblocking(False)
    return listener


def serve(application: Application, listener: socket.socket, pulse: Pulse) -> None:
    """Serve `application` on `listener`, which other processes may share, until SIGTERM."""
    sys.setswitchinterval(SWITCH_SECONDS)
    asyncio.run(Server(application, listener).run(pulse))


class Server:
    """The connections of one process, and the threads that Django runs in."""

    def __init__(self, application: Application, listener: socket.socket) -> None:
        self.application = application
        self.stopping = False
        self._listener = listener
        self._threads = ThreadPoolExecutor(THREADS_PER_PROCESS, thread_name_prefix="request")
        self._max_connections = min(MAX_CONNECTIONS, (_raised_file_limit() - OTHER_FILES) // FILES_PER_CONNECTION)
        self._tasks: dict[Connection, asyncio.Task[None]] = {}
        self._waiting: dict[Connection, None] = {}
        """For their clients, the longest first."""
        self._per_address: Counter[str] = Counter()

    async def run(self, pulse: Pulse) -> None:
        """Serve until SIGTERM, then give requests in progress a moment to end."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        self._accept_from_now_on()
        while not stop.is_set():
            pulse.beat()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), PULSE_SECONDS)
        self.stopping = True
        loop.remove_reader(self._listener)
        for connection, task in self._tasks.items():
            if connection.is_idle:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=GRACEFUL_STOP_SECONDS)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """The result of `work`, done in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def note_waiting(self, connection: Connection) -> None:
        """From now on, `connection` waits for its client to send or to read something."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def note_working(self, connection: Connection) -> None:
        """From now on, `connection` doesn't wait for its client."""
        self._waiting.pop(connection, None)

    # --- Accepting ----------------------------------------------------------------------------------------------------

    def _accept_from_now_on(self) -> None:
        if not self.stopping:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        """Accept one connection, not all, so that the processes share them."""
        try:
            connected, address = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:
            # Out of memory or of file descriptors, likely: don't spin.
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            loop.call_later(ACCEPT_AGAIN_SECONDS, self._accept_from_now_on)
            return
        peer = str(address[0])
        if self._per_address[peer] >= MAX_CONNECTIONS_PER_ADDRESS and _is_one_client(peer):
            connected.close()
            return
        if len(self._tasks) >= self._max_connections and not self._made_room():
            connected.close()
            return
        self._per_address[peer] += 1
        connection = Connection(self, connected, address)
        self._tasks[connection] = task = asyncio.create_task(connection.run())
        task.add_done_callback(lambda _task: self._forget(connection, peer))

    def _made_room(self) -> bool:
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        del self._waiting[longest]
        self._tasks[longest].cancel()
        return True

    def _forget(self, connection: Connection, peer: str) -> None:
        del self._tasks[connection]
        self._waiting.pop(connection, None)
        self._per_address[peer] -= 1
        if not self._per_address[peer]:
            del self._per_address[peer]


def _is_one_client(peer: str) -> bool:
    """Whether an address stands for one client, not for a proxy: one on this machine may well be one."""
    return not settings.ALLAUTH_TRUSTED_PROXY_COUNT and not is_this_machine(peer)


def _raised_file_limit() -> int:
    """How many files this process may open, after raising its limit as far as it needs and may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS * FILES_PER_CONNECTION + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
