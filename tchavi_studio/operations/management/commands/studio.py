"""`manage.py studio`: the whole studio from one command."""

import gc
import http.client
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.wsgi import get_wsgi_application
from django.db import Error, connections
from django.urls import get_resolver

from tchavi_studio.operations.clusters import ClusterTrace, configured_clusters, run_cluster
from tchavi_studio.operations.models import Heartbeat
from tchavi_studio.operations.preparation import collect_static_files, migrate_database
from tchavi_studio.operations.process_group import kill_descendants_with_their_parents
from tchavi_studio.operations.server.process import PROCESSES, Pulse, listen, serve
from tchavi_studio.operations.start import StartRefusedError, check_start, start_lines
from tchavi_studio.operations.supervisor import Child, Supervisor
from tchavi_studio.operations.watchdog import watch

READY_CHECK_SECONDS = 0.2
UNREADY_WARNING_SECONDS = 30.0


class Command(BaseCommand):
    help = "Run the studio (web server, background work and watchdog) until Ctrl+C."

    def handle(self, *args: Any, **options: Any) -> None:
        # Until the supervisor takes over, Ctrl+C just ends this process.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        listener = self._listen()
        kill_descendants_with_their_parents()
        self._prepare()
        application = get_wsgi_application()
        _load_what_is_shared()

        with tempfile.TemporaryDirectory(prefix="tchavi-studio-", dir=_memory_folder()) as folder:
            traces = {name: ClusterTrace(Path(folder, name)) for name in configured_clusters()}

            def background(work: partial[None]) -> None:
                listener.close()
                work()

            children = []
            for number in range(1, PROCESSES + 1):
                pulse = Pulse()
                work = partial(serve, application, listener, pulse)
                children.append(Child(f"Web server {number}", work, on_end=pulse.clear, silence=pulse.silent_seconds))
            for name, trace in traces.items():
                work = partial(background, partial(run_cluster, name, trace))
                children.append(Child(f"The {name} cluster", work, on_end=trace.clear))
            children.append(Child("The watchdog", partial(background, partial(watch, traces))))

            Supervisor(children, on_tick=Announcement(self, traces).check).run()
        self._say("Tchavi Studio has stopped.")

    def _listen(self) -> socket.socket:
        try:
            return listen(settings.HOST, settings.PORT)
        except socket.gaierror as error:
            sys.exit(f"Tchavi Studio can't listen on {settings.HOST}: HOST isn't a valid address ({error.strerror}).")
        except OSError as error:
            # The error's own text would repeat the address.
            reason = os.strerror(error.errno or 0)
            sys.exit(
                f"Tchavi Studio can't listen on {settings.HOST} port {settings.PORT} ({reason}). Is another studio "
                f"running there? To use another port, set PORT, for example: PORT={settings.PORT + 1} make run"
            )

    def _prepare(self) -> None:
        """Prepare in a process of its own: the memory that migrations take would stay in all the others."""
        preparation = multiprocessing.get_context("fork").Process(target=self._prepare_here)
        preparation.start()
        preparation.join()
        if preparation.exitcode:
            sys.exit(preparation.exitcode)

    def _prepare_here(self) -> None:
        try:
            if migrate_database():
                self._say("The database is ready.")
            check_start()
            for line in start_lines():
                self._say(line)
            if collect_static_files():
                self._say("The static files are ready.")
        except (Error, OSError, StartRefusedError) as error:
            sys.exit(f"Tchavi Studio can't start: {' '.join(str(error).split())}")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def _load_what_is_shared() -> None:
    """Load, once for all processes, what Django loads for the first request and the first query.

    Forked processes share this process's memory until they write to it, as their garbage collectors otherwise would.
    """
    get_resolver().url_patterns  # noqa: B018
    with suppress(Error):
        Heartbeat.objects.exists()
    # Connections must not be shared.
    connections.close_all()
    gc.collect()
    gc.freeze()


def _memory_folder() -> Path | None:
    """A folder for files that change often and needn't reach a disk. None, for the usual one, if there is none."""
    shared_memory = Path("/dev/shm")  # noqa: S108  # only through tempfile
    return shared_memory if os.access(shared_memory, os.W_OK | os.X_OK) else None


class Announcement:
    """Announces once that the studio is ready, and where."""

    def __init__(self, command: Command, traces: dict[str, ClusterTrace]) -> None:
        self._command, self._traces = command, traces
        self._is_done = False
        self._check_at = 0.0
        self._warn_at = time.monotonic() + UNREADY_WARNING_SECONDS

    def check(self) -> None:
        """Announce it if it has become true. Call this regularly."""
        if self._is_done or time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + READY_CHECK_SECONDS
        # The heartbeats in the database may be from the last run.
        if all(trace.has_heartbeat() for trace in self._traces.values()) and self._answers():
            self._is_done = True
            host = f"[{self._host}]" if ":" in self._host else self._host
            self._command.stdout.write(f"Tchavi Studio is ready at http://{host}:{settings.PORT}/")
            self._command.stdout.flush()
        elif time.monotonic() > self._warn_at:
            self._warn_at += UNREADY_WARNING_SECONDS
            self._command.stderr.write("Tchavi Studio isn't ready yet; /readyz lists what's missing.")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._host, settings.PORT, timeout=2)
        try:
            # This host name is always allowed, whatever address the studio listens on.
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def _host(self) -> str:
        """The host to reach the studio at from this machine, even if it listens on all addresses."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
