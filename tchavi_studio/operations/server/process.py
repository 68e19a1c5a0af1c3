"""The web server: gunicorn in a forked process."""

import socket
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication

WORKERS = 2
THREADS_PER_WORKER = 8
GRACEFUL_STOP_SECONDS = 3
WORKER_SILENCE_SECONDS = 120
"""How long a worker's main loop may hang before it is replaced. Requests run in threads and may take longer."""


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, application: Callable[..., Any], listener: socket.socket) -> None:
        self._application = application
        self._listener = listener
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"fd://{self._listener.detach()}",
            "worker_class": "gthread",
            "workers": WORKERS,
            "threads": THREADS_PER_WORKER,
            "timeout": WORKER_SILENCE_SECONDS,
            "graceful_timeout": GRACEFUL_STOP_SECONDS,
            "keepalive": 15,
            "loglevel": "warning",
            "control_socket_disable": True,
            "proc_name": "tchavi-studio",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Callable[..., Any]:
        return self._application


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError, for example when the port is taken."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    return socket.create_server((host, port), family=family, backlog=2048)


def serve(application: Callable[..., Any], listener: socket.socket) -> None:
    """Serve `application` on `listener` until SIGTERM. Raises SystemExit at the end."""
    _Server(application, listener).run()
