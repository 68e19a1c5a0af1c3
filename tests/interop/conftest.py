"""The studio behind real sockets, for third-party clients."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test.testcases import QuietWSGIRequestHandler
from pytest_django import Settings

from tchavi_studio.api import rate_limits
from tchavi_studio.api.services import create_key
from tchavi_studio.workspaces.models import User, Workspace


class RequestHandler(QuietWSGIRequestHandler):
    # Head and body are written separately; the second must not wait for the first to be acknowledged.
    disable_nagle_algorithm = True


@dataclass(frozen=True, kw_only=True)
class ServedApi:
    """The base URL of `/v1`, with a live key and a test key."""

    base_url: str
    live_key: str
    test_key: str


@pytest.fixture
def served_api(alice: User, workspace: Workspace) -> Iterator[ServedApi]:
    """This process's API on a loopback port, without workers. The test must have `own_database`."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), RequestHandler)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield ServedApi(
        base_url=f"http://127.0.0.1:{server.server_address[1]}/v1",
        live_key=create_key(workspace=workspace, user=alice, name="Nightly").key,
        test_key=create_key(workspace=workspace, user=alice, name="Trial", is_test=True).key,
    )
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def three_requests_a_minute(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow three requests per key; the fourth is refused one second before the minute ends."""
    settings.STUDIO_API_RPM_PER_KEY = 3
    requests: list[float] = []

    def minute_clock() -> float:
        requests.append(time.monotonic())
        # Frozen until the fourth request, however slow the machine. Timers may fire a little early.
        return 59.05 + (requests[-1] - requests[3] if len(requests) > 4 else 0)

    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=minute_clock))
