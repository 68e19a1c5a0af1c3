"""`manage.py studio`: the whole studio from one command."""

import http.client
import os
import signal
import socket
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.core.wsgi import get_wsgi_application
from django.db import Error, connections

from tchavi_studio.operations.clusters import ClusterTrace, configured_clusters, run_cluster
from tchavi_studio.operations.preparation import collect_static_files, migrate_database
from tchavi_studio.operations.server import listen, serve
from tchavi_studio.operations.supervisor import Child, Supervisor
from tchavi_studio.operations.watchdog import watch

READY_CHECK_SECONDS = 0.2
UNREADY_WARNING_SECONDS = 30.0


class Command(BaseCommand):
    help = "Run the studio: web server, background work and their watchdog, until Ctrl+C."

    def handle(self, *args: Any, **options: Any) -> None:
        # Until the supervisor takes over, Ctrl+C ends this process without ado.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        listener = self._listen()
        try:
            if migrate_database():
                self._say("The database is ready.")
            if collect_static_files():
                self._say("The static files are ready.")
        except (Error, OSError) as error:
            sys.exit(f"Tchavi Studio can't start: {' '.join(str(error).split())}")
        # Imported here once, for every process that is forked below.
        application = get_wsgi_application()

        with tempfile.TemporaryDirectory(prefix="tchavi-studio-") as folder:
            traces = {name: ClusterTrace(Path(folder, name)) for name in configured_clusters()}

            def background(work: partial[None]) -> None:
                listener.close()
                work()

            children = [Child("The web server", partial(serve, application, listener))]
            for name, trace in traces.items():
                work = partial(background, partial(run_cluster, name, trace))
                children.append(Child(f"The {name} cluster", work, on_end=trace.clear))
            children.append(Child("The watchdog", partial(background, partial(watch, traces))))

            # A connection must not be shared with a forked process.
            connections.close_all()
            Supervisor(children, on_tick=Announcement(self, traces).look).run()
        self._say("Tchavi Studio has stopped.")

    def _listen(self) -> socket.socket:
        try:
            return listen(settings.HOST, settings.PORT)
        except socket.gaierror as error:
            sys.exit(f"Tchavi Studio can't listen at {settings.HOST}: HOST names no address ({error.strerror}).")
        except OSError as error:
            # Not the error's own text, which repeats the address.
            reason = os.strerror(error.errno or 0)
            sys.exit(
                f"Tchavi Studio can't listen at {settings.HOST} port {settings.PORT} ({reason}). Is another studio "
                f"running there? PORT chooses another port, for instance: PORT={settings.PORT + 1} make run"
            )

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


class Announcement:
    """Says once, when it is true, that the studio is ready, and where."""

    def __init__(self, command: Command, traces: dict[str, ClusterTrace]) -> None:
        self._command, self._traces = command, traces
        self._said = False
        self._look_at = 0.0
        self._warn_at = time.monotonic() + UNREADY_WARNING_SECONDS

    def look(self) -> None:
        """To be called again and again."""
        if self._said or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + READY_CHECK_SECONDS
        # The heartbeats in the database may be the last run's: each cluster here must have worked too.
        if all(trace.last_task_at() for trace in self._traces.values()) and self._answers():
            self._said = True
            host = f"[{self._host}]" if ":" in self._host else self._host
            self._command.stdout.write(f"Tchavi Studio is ready at http://{host}:{settings.PORT}/")
            self._command.stdout.flush()
        elif time.monotonic() > self._warn_at:
            self._warn_at += UNREADY_WARNING_SECONDS
            self._command.stderr.write("Tchavi Studio is not ready yet; /readyz says what is missing.")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._host, settings.PORT, timeout=2)
        try:
            # Whatever address it listens at, this name is always allowed.
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def _host(self) -> str:
        """The host to reach it by from this machine; it may listen at every address."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
