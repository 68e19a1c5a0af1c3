"""A real receiver on loopback, and an endpoint for it."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from tchavi_studio.webhooks import delivery, services
from tchavi_studio.webhooks.models import Event, WebhookDelivery, WebhookEndpoint
from tchavi_studio.workspaces.models import User, Workspace


@dataclass
class Received:
    """A request the receiver got."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> Any:
        """The message as verified by the public library. Raises WebhookVerificationError."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Keeps requests and answers with `status` and `answer_headers` once `may_answer` is set."""

    port: int = 0
    status: int = 204
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer_body: bytes = b""
    requests: list[Received] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver the operator allows."""
    receiver = Receiver()
    receiver.may_answer.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append(Received(self.path, dict(self.headers), body))
            receiver.may_answer.wait(5)
            self.send_response(receiver.status)
            for name, value in receiver.answer_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer_body)))
            self.end_headers()
            self.wfile.write(receiver.answer_body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle(self) -> None:
            with suppress(ConnectionError):  # the sender may hang up
                super().handle()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver.port = server.server_address[1]
        settings.STUDIO_OUTBOUND_ALLOW = (f"127.0.0.1:{receiver.port}",)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield receiver
        receiver.may_answer.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def endpoint(workspace: Workspace, alice: User, receiver: Receiver) -> WebhookEndpoint:
    """Alice's webhook, subscribed to every event."""
    return services.create_endpoint(
        workspace=workspace, creator=alice, url=receiver.url, events=[Event.JOB_COMPLETED, Event.JOB_FAILED]
    )


def record(workspace: Workspace, event: Event = Event.JOB_COMPLETED, *, number: int = 1) -> WebhookDelivery:
    """Record an event and return its newest delivery."""
    with transaction.atomic():
        services.record_event(
            workspace_id=workspace.pk, event=event, job_id=f"job_{number:032x}", data={"id": f"job_{number:032x}"}
        )
    return WebhookDelivery.objects.order_by("-id")[0]


def attempt(message: WebhookDelivery) -> delivery.ClaimedDelivery:
    """Claim the due delivery, send it, settle it and refresh `message`."""
    claim = delivery.claim_next_delivery()
    assert claim is not None
    assert delivery.settle(claim, delivery.send(claim)) is True
    message.refresh_from_db()
    return claim


def payload(message: WebhookDelivery) -> Any:
    return json.loads(message.payload)


class Clock:
    """What `timezone.now()` returns while the fixture `clock` is used."""

    def __init__(self) -> None:
        self.now = timezone.now().replace(microsecond=0)

    def advance(self, duration: timedelta) -> None:
        self.now += duration


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Freeze time until a test moves it on, and switch jitter off."""
    clock = Clock()

    def now() -> datetime:
        return clock.now

    with patch("django.utils.timezone.now", now), patch.object(delivery, "jitter", lambda: 1.0):
        yield clock
