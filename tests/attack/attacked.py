"""Tools for attacks: a real studio with somebody in it, raw requests, and crowds of slow clients."""

import selectors
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

from django.test import Client

from tchavi_studio.api.services import create_key
from tchavi_studio.assets.models import Asset, Kind, Origin
from tchavi_studio.assets.signing import Variant, signed_media_path
from tchavi_studio.workspaces.models import User, Workspace
from tests.conftest import make_person
from tests.running_studio import RunningStudio

TIMEOUT_SECONDS = 30.0
CROWD_STEP_SECONDS = 1.0

FORM = b"POST /accounts/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
HALF_REQUESTS = (
    b"GET /accounts/login/ HTTP/1.1\r\nX: ",
    b"",
    FORM + b"Content-Length: 100000\r\n\r\n",
    FORM + b"Transfer-Encoding: chunked\r\n\r\n186a0\r\n",
)
"""Beginnings that a server waits to see the rest of: a header, nothing, a form, a chunked form."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A response to a raw request. `status` is 0 if the connection was closed without one."""

    status: int
    header: str
    body: bytes
    sent_bytes: int


class AttackedStudio:
    """A running studio, and Awa, who has a workspace, a session and an API key there."""

    def __init__(self, running: RunningStudio) -> None:
        self.running = running
        self.person: User = make_person("Awa")
        self.workspace: Workspace = self.person.memberships.get().workspace
        self.key = create_key(workspace=self.workspace, user=self.person, name="laptop").key
        browser = Client()
        browser.force_login(self.person)
        self.cookie = f"sessionid={browser.cookies['sessionid'].value}"

    @property
    def page(self) -> str:
        """The address of a page that asks the database, as people look at it."""
        return f"/w/{self.workspace.slug}/gallery/"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.running.port), timeout=TIMEOUT_SECONDS)

    def ask(self, start: bytes, body: Iterable[bytes], **headers: str) -> Answered:
        """Send a raw request, piece by piece until the studio answers, and read its answer."""
        lines = [start, b"Host: localhost", b"Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}".encode() for name, value in headers.items()]
        sent_bytes, answer = 0, b""
        with self.connect() as connection, selectors.DefaultSelector() as selector:
            selector.register(connection, selectors.EVENT_READ)
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
            with suppress(ConnectionError):
                for piece in body:
                    if selector.select(0):
                        break
                    connection.sendall(piece)
                    sent_bytes += len(piece)
            with suppress(ConnectionError):
                while data := connection.recv(65536):
                    answer += data
        header, _gap, rest = answer.partition(b"\r\n\r\n")
        status = int(header.split(b" ", 2)[1]) if header else 0
        return Answered(status=status, header=header.decode("latin-1"), body=rest, sent_bytes=sent_bytes)

    def written_bytes(self) -> int:
        """How much all of the studio's processes have written so far, to files and elsewhere."""
        counts = []
        for pid in self.running.pids():
            with suppress(OSError):
                lines = Path(f"/proc/{pid}/io").read_text().splitlines()
                counts.append(int(dict(line.split(": ") for line in lines)["wchar"]))
        return sum(counts)

    def add_clip(self, byte_count: int) -> str:
        """Store a clip of that size, which needn't play; returns a signed path to it."""
        name = f"attack/{uuid4().hex}.mp4"
        path = self.running.folder / "data" / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.truncate(byte_count)
        clip = Asset.objects.create(
            workspace=self.workspace,
            kind=Kind.VIDEO,
            origin=Origin.UPLOAD,
            content_type="video/mp4",
            width=640,
            height=360,
            duration_seconds=5,
            byte_count=byte_count,
            source_sha256=uuid4().hex * 2,
            content_sha256=uuid4().hex * 2,
            file=name,
        )
        return signed_media_path(clip, variant=Variant.FILE, expires_seconds=3600)

    def page_seconds(self, count: int) -> list[float]:
        """How long Awa waits for a page, one after the other on one connection."""
        connection = HTTPConnection("127.0.0.1", self.running.port, timeout=TIMEOUT_SECONDS)
        taken = []
        for _ in range(count):
            began = time.monotonic()
            connection.request("GET", self.page, headers={"Cookie": self.cookie})
            response = connection.getresponse()
            response.read()
            assert response.status == 200
            taken.append(time.monotonic() - began)
        connection.close()
        return taken

    def slowdown(self, attack: "Attack", *, rounds: int = 4, pages: int = 6) -> float:
        """How much longer the median page takes during `attack`. They take turns, so that both have the same luck."""
        idle: list[float] = []
        attacked: list[float] = []
        for _ in range(rounds):
            idle += self.page_seconds(pages)
            with attack(self):
                attacked += self.page_seconds(pages)
        return statistics.median(attacked) / statistics.median(idle)


Attack = Callable[[AttackedStudio], AbstractContextManager[None]]


@contextmanager
def _crowd(connections: list[socket.socket], step: Callable[[socket.socket], object]) -> Iterator[None]:
    """Do `step` with each connection every second, until the end."""
    is_over = threading.Event()

    def take_steps() -> None:
        while not is_over.wait(CROWD_STEP_SECONDS):
            for connection in connections:
                with suppress(OSError):
                    step(connection)

    thread = threading.Thread(target=take_steps)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
        for connection in connections:
            connection.close()


def slow_senders(*beginnings: bytes, count: int) -> Attack:
    """Connections that each send one of `beginnings`, and then one byte per second."""

    def attack(studio: AttackedStudio) -> AbstractContextManager[None]:
        connections = []
        for number in range(count):
            connection = studio.connect()
            connection.sendall(beginnings[number % len(beginnings)])
            connection.setblocking(False)
            connections.append(connection)
        return _crowd(connections, lambda connection: connection.send(b"1"))

    return attack


def slow_readers(path: str, *, count: int) -> Attack:
    """Connections that ask for `path` and read a kilobyte per second."""

    def attack(studio: AttackedStudio) -> AbstractContextManager[None]:
        connections = []
        for _ in range(count):
            connection = studio.connect()
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            connection.setblocking(False)
            connections.append(connection)
        return _crowd(connections, lambda connection: connection.recv(1024))

    return attack
