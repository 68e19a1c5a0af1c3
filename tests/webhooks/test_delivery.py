"""Deliveries to a real receiver: signed, retried and never lost."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connections
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings
from standardwebhooks.webhooks import WebhookVerificationError

from tchavi_studio.webhooks import delivery, services, tasks
from tchavi_studio.webhooks.delivery import Answer
from tchavi_studio.webhooks.models import (
    DeliveryState,
    DisabledReason,
    Event,
    Problem,
    WebhookDelivery,
    WebhookEndpoint,
)
from tchavi_studio.webhooks.queries import due_deliveries
from tchavi_studio.webhooks.signing import new_secret
from tchavi_studio.workspaces.models import Membership, Role, User, Workspace
from tests.plans import listed_by_index

from .conftest import Clock, Receiver, attempt, payload, record


def test_delivered_message_verifies(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    message = record(workspace)
    tasks.deliver_due()
    message.refresh_from_db()
    [request] = receiver.requests
    assert request.path == "/hook"
    assert request.verified(endpoint.secret) == payload(message)
    assert payload(message) == {
        "type": "job.completed",
        "timestamp": message.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "data": {"id": message.job_id},
    }
    assert request.headers["webhook-id"] == message.message_id
    assert request.headers["Content-Type"] == "application/json"
    assert request.body == message.payload.encode()
    assert (message.state, message.attempt_count, message.status_code, message.problem) == ("delivered", 1, 204, "")
    assert (message.next_attempt_at, message.leased_until) == (None, None)
    assert message.delivered_at is not None
    assert [entry["status_code"] for entry in message.attempts] == [204]
    assert message.duration_ms == message.attempts[0]["duration_ms"]


def test_changed_message_or_wrong_secret_does_not_verify(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver
) -> None:
    record(workspace)
    tasks.deliver_due()
    [request] = receiver.requests
    with pytest.raises(WebhookVerificationError):
        request.verified(new_secret())
    request.body = request.body.replace(b"completed", b"cancelled")
    with pytest.raises(WebhookVerificationError):
        request.verified(endpoint.secret)


def test_docs_example_verifies(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    page = (Path(django_settings.BASE_DIR) / "docs" / "webhooks.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example
    handled: list[str] = []
    names: dict[str, Any] = {"SECRET": endpoint.secret, "fetch_later": handled.append}
    exec(example[1], names)
    message = record(workspace)
    tasks.deliver_due()
    [request] = receiver.requests
    assert names["receive"](request.body, request.headers) == 204
    assert handled == [message.job_id]
    assert names["receive"](request.body + b" ", request.headers) == 400


def test_both_secrets_verify_after_a_rotation(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver
) -> None:
    old = endpoint.secret
    services.rotate_secret(endpoint=endpoint, actor=endpoint.workspace.members.get())
    endpoint.refresh_from_db()
    assert endpoint.secret != old
    message = record(workspace)
    attempt(message)
    assert len(receiver.requests[0].headers["webhook-signature"].split(" ")) == 2
    assert receiver.requests[0].verified(old) == receiver.requests[0].verified(endpoint.secret) == payload(message)

    WebhookEndpoint.objects.update(previous_secret_until=timezone.now())
    attempt(record(workspace, number=2))
    assert len(receiver.requests[1].headers["webhook-signature"].split(" ")) == 1
    assert receiver.requests[1].verified(endpoint.secret)["type"] == "job.completed"
    with pytest.raises(WebhookVerificationError):
        receiver.requests[1].verified(old)


def test_previous_secret_expires_after_24_hours(endpoint: WebhookEndpoint, clock: Clock) -> None:
    services.rotate_secret(endpoint=endpoint, actor=endpoint.workspace.members.get())
    endpoint.refresh_from_db()
    clock.advance(timedelta(hours=24, seconds=-1))
    assert endpoint.signing_secrets == [endpoint.secret, endpoint.previous_secret]
    clock.advance(timedelta(seconds=1))
    assert endpoint.signing_secrets == [endpoint.secret]


# --- Failures ---------------------------------------------------------------------------------------------------------


def test_failures_are_retried_on_schedule_then_fail(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 500
    message = record(workspace)
    waits = []
    while message.state == DeliveryState.PENDING:
        assert message.next_attempt_at is not None
        waits.append(message.next_attempt_at - clock.now)
        clock.advance(waits[-1] - timedelta(microseconds=1))
        if waits[-1]:
            assert delivery.claim_next_delivery() is None
        clock.advance(timedelta(microseconds=1))
        attempt(message)
    assert waits == [
        timedelta(0),
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        timedelta(hours=2),
        timedelta(hours=5),
        timedelta(hours=10),
        timedelta(hours=10),
    ]
    assert len(receiver.requests) == 8
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert {request.body for request in receiver.requests} == {message.payload.encode()}
    assert (message.state, message.attempt_count, message.status_code) == ("failed", 8, 500)
    assert (message.problem, message.explanation) == (Problem.ANSWER, "It answered 500.")
    assert delivery.claim_next_delivery() is None


@given(st.integers(1, 7))
def test_jitter_adds_at_most_a_tenth(attempt_count: int) -> None:
    wait = delivery.RETRY_DELAYS[attempt_count - 1]
    assert wait <= wait * delivery.jitter() <= wait * 1.1


def test_successful_retry_delivers(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 503
    message = record(workspace)
    attempt(message)
    endpoint.refresh_from_db()
    assert (endpoint.failing_since, endpoint.failure_count) == (clock.now, 1)
    receiver.status = 200
    clock.advance(timedelta(seconds=5))
    attempt(message)
    endpoint.refresh_from_db()
    assert (message.state, message.attempt_count, message.delivered_at) == ("delivered", 2, clock.now)
    assert [entry["status_code"] for entry in message.attempts] == [503, 200]
    assert (endpoint.failing_since, endpoint.failure_count) == (None, 0)


def test_redirects_are_not_followed(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    receiver.status, receiver.answer_headers = 307, {"Location": receiver.url + "/elsewhere"}
    message = record(workspace)
    attempt(message)
    assert [request.path for request in receiver.requests] == ["/hook"]
    assert (message.state, message.status_code) == ("pending", 307)
    assert message.explanation == "It answered 307. Redirects aren't followed. Enter the final URL instead."


def test_slow_receiver_times_out(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.15)
    receiver.may_answer.clear()
    message = record(workspace)
    attempt(message)
    assert len(receiver.requests) == 1
    assert (message.state, message.status_code, message.duration_ms, message.problem) == (
        "pending",
        None,
        None,
        Problem.UNREACHABLE,
    )


def test_long_response_body_is_ignored(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    receiver.status, receiver.answer_body = 200, b"x" * 300_000
    message = record(workspace)
    attempt(message)
    assert message.state == "delivered"


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://8.8.8.8:22/hook",
        "http://8.8.8.8/hook",
        "https://nowhere.invalid/hook",
        "ftp://8.8.8.8/hook",
    ],
)
def test_refused_url_fails_like_an_unreachable_one(
    endpoint: WebhookEndpoint, workspace: Workspace, settings: Settings, url: str
) -> None:
    message = record(workspace)
    # As if the URL had been fine when it was added, and DNS or the settings had changed since.
    WebhookEndpoint.objects.update(url=url)
    attempt(message)
    outcome = (message.status_code, message.duration_ms, message.problem, message.explanation)
    assert outcome == (None, None, "unreachable", "No answer: it couldn't be reached or took too long.")


def test_closed_port_looks_like_a_refused_url(
    endpoint: WebhookEndpoint, workspace: Workspace, settings: Settings
) -> None:
    message = record(workspace)
    WebhookEndpoint.objects.update(url="http://127.0.0.1:9/hook")
    settings.STUDIO_OUTBOUND_ALLOW = ("127.0.0.1:9",)
    attempt(message)
    outcome = (message.status_code, message.duration_ms, message.problem, message.attempts[0]["duration_ms"])
    assert outcome == (None, None, "unreachable", None)


def test_withdrawn_allowance_applies_to_waiting_messages(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, settings: Settings
) -> None:
    message = record(workspace)
    settings.STUDIO_OUTBOUND_ALLOW = ()
    attempt(message)
    assert receiver.requests == []
    assert message.problem == Problem.UNREACHABLE


# --- Disabling --------------------------------------------------------------------------------------------------------


def test_gone_disables_the_endpoint_and_emails_the_managers(
    endpoint: WebhookEndpoint,
    workspace: Workspace,
    receiver: Receiver,
    alice: User,
    bob: User,
    django_capture_on_commit_callbacks: Any,
) -> None:
    Membership.objects.create(workspace=workspace, user=bob, role=Role.CREATOR)
    receiver.status = 410
    waiting, message = record(workspace), record(workspace, number=2)
    WebhookDelivery.objects.filter(pk=waiting.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    with django_capture_on_commit_callbacks(execute=True):
        attempt(message)
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.is_disabled, endpoint.disabled_reason) == (True, DisabledReason.GONE)
    assert (message.state, message.status_code, message.problem) == ("failed", 410, Problem.ANSWER)
    assert (waiting.state, waiting.problem, waiting.attempt_count) == ("failed", Problem.DISABLED, 0)
    [mailed] = mail.outbox
    assert mailed.recipients() == [alice.email]
    assert mailed.subject == "A webhook in Alice's studio was disabled"
    assert endpoint.url in mailed.body
    assert f"/w/alices-studio/developers/webhooks/{endpoint.pk}/" in mailed.body


def test_endpoint_is_disabled_after_a_day_of_failures(
    endpoint: WebhookEndpoint,
    workspace: Workspace,
    receiver: Receiver,
    clock: Clock,
    django_capture_on_commit_callbacks: Any,
) -> None:
    receiver.status = 500
    message = record(workspace)
    attempt(message)
    WebhookDelivery.objects.update(attempt_count=7)
    clock.advance(timedelta(hours=24))
    with django_capture_on_commit_callbacks(execute=True):
        attempt(message)
    endpoint.refresh_from_db()
    assert (endpoint.disabled_at, endpoint.disabled_reason) == (clock.now, DisabledReason.FAILING)
    assert (message.state, message.problem) == ("failed", Problem.ANSWER)
    assert len(mail.outbox) == 1


def test_less_than_a_day_of_failures_does_not_disable(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 500
    message = record(workspace)
    attempt(message)
    WebhookDelivery.objects.update(attempt_count=7)
    clock.advance(timedelta(hours=24, microseconds=-1))
    attempt(message)
    endpoint.refresh_from_db()
    assert (message.state, endpoint.is_disabled, endpoint.failure_count) == ("failed", False, 2)


def test_disabled_endpoint_gets_nothing(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    waiting = record(workspace)
    assert services.disable_endpoint(endpoint=endpoint, reason=DisabledReason.BY_HAND) is True
    assert services.disable_endpoint(endpoint=endpoint, reason=DisabledReason.GONE) is False
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == DisabledReason.BY_HAND
    record(workspace, number=2)
    assert WebhookDelivery.objects.count() == 1
    # As if recorded by a transaction that still saw the endpoint enabled.
    WebhookDelivery.objects.update(state="pending", next_attempt_at=timezone.now(), problem="")
    tasks.deliver_due()
    with pytest.raises(services.EndpointDisabledError):
        services.send_test_event(endpoint=endpoint)
    waiting.refresh_from_db()
    with pytest.raises(services.EndpointDisabledError):
        services.redeliver(delivery=WebhookDelivery.objects.select_related("endpoint").get())
    assert (receiver.requests, mail.outbox) == ([], [])

    services.enable_endpoint(endpoint=endpoint, actor=endpoint.workspace.members.get())
    tasks.deliver_due()
    assert len(receiver.requests) == 1


def test_endpoint_is_disabled_even_if_email_fails(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, django_capture_on_commit_callbacks: Any
) -> None:
    receiver.status = 410
    message = record(workspace)
    with (
        patch("django.core.mail.EmailMessage.send", side_effect=ConnectionRefusedError),
        django_capture_on_commit_callbacks(execute=True),
    ):
        attempt(message)
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == DisabledReason.GONE


# --- Test events ------------------------------------------------------------------------------------------------------


def test_test_event_is_signed_tried_once_and_not_counted(endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    receiver.status = 500
    message = services.send_test_event(endpoint=endpoint)
    attempt(message)
    endpoint.refresh_from_db()
    assert receiver.requests[0].verified(endpoint.secret) == payload(message)
    assert payload(message)["type"] == "webhook.test"
    assert payload(message)["data"] == {"webhook": str(endpoint.pk)}
    assert (message.state, message.attempt_count) == ("failed", 1)
    assert (endpoint.failing_since, endpoint.failure_count) == (None, 0)


def test_an_endpoint_has_one_pending_test(endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    message = services.send_test_event(endpoint=endpoint)
    with pytest.raises(services.PendingTestError) as refused:
        services.send_test_event(endpoint=endpoint)
    assert refused.value.message == (
        "A test is already on its way, so nothing was added. The log will show the result."
    )
    attempt(message)
    second = services.send_test_event(endpoint=endpoint)
    with pytest.raises(services.PendingTestError):
        services.redeliver(delivery=message)
    attempt(second)
    services.redeliver(delivery=message)
    assert WebhookDelivery.objects.filter(state="pending").get() == message


def test_test_event_goes_only_to_its_endpoint(
    endpoint: WebhookEndpoint, workspace: Workspace, alice: User, receiver: Receiver
) -> None:
    services.create_endpoint(workspace=workspace, creator=alice, url=receiver.url, events=[Event.JOB_FAILED])
    services.send_test_event(endpoint=endpoint)
    assert list(WebhookDelivery.objects.values_list("endpoint", "event")) == [(endpoint.pk, "webhook.test")]


# --- Crashes and late workers -----------------------------------------------------------------------------------------


def test_dead_worker_loses_no_message(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    message = record(workspace)
    died = delivery.claim_next_delivery()
    assert died is not None
    assert delivery.send(died).status_code == 204
    clock.advance(delivery.LEASE - timedelta(microseconds=1))
    assert delivery.claim_next_delivery() is None
    clock.advance(timedelta(microseconds=1))
    attempt(message)
    assert (message.state, message.attempt_count, message.leased_by) == ("delivered", 2, None)
    assert [request.headers["webhook-id"] for request in receiver.requests] == [message.message_id] * 2


def test_worker_dying_at_the_last_attempt_loses_no_message(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    message = record(workspace)
    WebhookDelivery.objects.update(attempt_count=7)
    assert delivery.claim_next_delivery() is not None
    clock.advance(delivery.LEASE)
    receiver.status = 500
    attempt(message)
    assert (message.state, message.attempt_count) == ("failed", 9)


def test_worker_past_its_lease_writes_nothing(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    message = record(workspace)
    late = delivery.claim_next_delivery()
    assert late is not None
    clock.advance(delivery.LEASE)
    attempt(message)
    assert delivery.settle(late, Answer(status_code=500, duration_ms=1)) is False
    message.refresh_from_db()
    endpoint.refresh_from_db()
    assert (message.state, message.status_code, endpoint.failure_count) == ("delivered", 204, 0)


def test_message_of_a_deleted_endpoint_is_not_settled(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver
) -> None:
    record(workspace)
    claim = delivery.claim_next_delivery()
    assert claim is not None
    services.delete_endpoint(endpoint=endpoint, actor=endpoint.created_by)
    assert delivery.settle(claim, delivery.send(claim)) is False


def test_message_is_claimed_once(endpoint: WebhookEndpoint, workspace: Workspace) -> None:
    record(workspace)
    assert delivery.claim_next_delivery() is not None
    assert delivery.claim_next_delivery() is None


@pytest.mark.own_database
def test_concurrent_workers_claim_each_message_once(
    endpoint: WebhookEndpoint, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bound in ("MAX_PARALLEL", "MAX_PARALLEL_PER_WORKSPACE", "MAX_PARALLEL_PER_ENDPOINT"):
        monkeypatch.setattr(delivery, bound, 99)
    for number in range(12):
        record(workspace, number=number)

    def claim_all() -> list[int]:
        try:
            return [claimed.delivery.pk for claimed in iter(delivery.claim_next_delivery, None)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        claimed = [pool.submit(claim_all) for _worker in range(4)]
    everything = sorted(delivery_id for future in claimed for delivery_id in future.result())
    assert everything == sorted(WebhookDelivery.objects.values_list("pk", flat=True))


# --- Redelivery -------------------------------------------------------------------------------------------------------


def test_redelivery_sends_the_same_message_with_fresh_attempts(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, clock: Clock
) -> None:
    message = record(workspace)
    attempt(message)
    clock.advance(timedelta(days=2))
    receiver.status = 500
    services.redeliver(delivery=message)
    attempt(message)
    assert (message.state, message.attempt_count, message.delivered_at) == ("pending", 1, None)
    assert message.next_attempt_at == clock.now + timedelta(seconds=5)
    assert [entry["status_code"] for entry in message.attempts] == [204, 500]
    assert receiver.requests[0].headers["webhook-id"] == receiver.requests[1].headers["webhook-id"]
    assert receiver.requests[0].body == receiver.requests[1].body


def test_message_being_sent_cannot_be_redelivered(endpoint: WebhookEndpoint, workspace: Workspace) -> None:
    message = record(workspace)
    assert delivery.claim_next_delivery() is not None
    with pytest.raises(services.DeliveryInProgressError):
        services.redeliver(delivery=message)


def test_attempt_log_is_bounded(
    endpoint: WebhookEndpoint, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_LOGGED_ATTEMPTS", 3)
    message = record(workspace)
    for status_code in range(500, 505):
        claim = delivery.claim_next_delivery()
        assert claim is not None
        delivery.settle(claim, Answer(status_code=status_code, duration_ms=1))
        WebhookDelivery.objects.update(next_attempt_at=timezone.now())
    message.refresh_from_db()
    assert [entry["status_code"] for entry in message.attempts] == [502, 503, 504]


# --- The task ---------------------------------------------------------------------------------------------------------


def claim_all() -> list[WebhookEndpoint]:
    """The endpoints of all messages that may be sent at once, in the order of their turns."""
    return [claimed.delivery.endpoint for claimed in iter(delivery.claim_next_delivery, None)]


def make_endpoint(workspace: Workspace, receiver: Receiver) -> WebhookEndpoint:
    return services.create_endpoint(
        workspace=workspace,
        creator=workspace.memberships.get().user,
        url=f"{receiver.url}/other",
        events=[Event.JOB_COMPLETED],
    )


@pytest.fixture
def their_endpoint(bob: User, receiver: Receiver) -> WebhookEndpoint:
    """The webhook of Bob's workspace."""
    return make_endpoint(Workspace.objects.get(memberships__user=bob), receiver)


def test_a_workspace_and_an_endpoint_have_some_of_the_slots(
    endpoint: WebhookEndpoint, workspace: Workspace, their_endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    for number in range(9):
        record(workspace, number=number)
    assert claim_all() == [endpoint] * delivery.MAX_PARALLEL_PER_ENDPOINT
    other = make_endpoint(workspace, receiver)
    for number in range(10, 13):
        record(workspace, number=number)
    assert claim_all() == [other]
    for number in range(3):
        record(their_endpoint.workspace, number=number)
    assert claim_all() == [their_endpoint] * 2


def test_workspaces_take_turns(
    endpoint: WebhookEndpoint,
    workspace: Workspace,
    their_endpoint: WebhookEndpoint,
    receiver: Receiver,
) -> None:
    other = make_endpoint(workspace, receiver)
    for number in range(5):
        record(workspace, number=number)
    record(their_endpoint.workspace)
    record(their_endpoint.workspace, number=2)
    with listed_by_index(WebhookDelivery):
        assert due_deliveries(timezone.now()).filter(endpoint=endpoint).first() is not None
    first, theirs, second, theirs_again, third = claim_all()
    assert theirs == theirs_again == their_endpoint
    assert {first, second} == {endpoint, other}
    assert third == first


def test_failing_endpoints_come_last_and_have_some_of_the_slots(
    endpoint: WebhookEndpoint,
    workspace: Workspace,
    their_endpoint: WebhookEndpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery, "MAX_PARALLEL_FAILING", 1)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failing_since=timezone.now(), failure_count=1)
    record(workspace)
    record(workspace, number=2)
    record(their_endpoint.workspace)
    assert claim_all() == [their_endpoint, endpoint]


def test_what_comes_in_needs_no_answer_of_a_slow_receiver(
    endpoint: WebhookEndpoint,
    workspace: Workspace,
    their_endpoint: WebhookEndpoint,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "LOOK_SECONDS", 0.01)
    receiver.may_answer.clear()
    record(workspace)
    settle_answered, looks = tasks._settle_answered, 0

    def look(under_way: dict[Any, delivery.ClaimedDelivery]) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            record(their_endpoint.workspace)
        elif len(under_way) == 2:
            receiver.may_answer.set()
        settle_answered(under_way)

    monkeypatch.setattr(tasks, "_settle_answered", look)
    tasks.deliver_due()
    assert sorted(request.path for request in receiver.requests) == ["/hook", "/hook/other"]
    assert WebhookDelivery.objects.filter(state="delivered").count() == 2


def test_one_task_at_a_time_looks_for_messages(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "HAND_OVER_SECONDS", 0)
    record(workspace)
    with tasks.SENDERS.place():
        tasks.deliver_due()
    assert receiver.requests == []


def test_one_slice_sends_many_messages(endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver) -> None:
    for number in range(20):
        record(workspace, number=number)
    tasks.deliver_due()
    assert WebhookDelivery.objects.filter(state="delivered").count() == 20
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 20


def test_task_sends_nothing_when_all_slots_are_taken(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "MAX_PARALLEL", 1)
    record(workspace)
    record(workspace, number=2)
    assert delivery.claim_next_delivery() is not None
    tasks.deliver_due()
    assert receiver.requests == []


def test_broken_message_does_not_hold_up_others(
    endpoint: WebhookEndpoint, workspace: Workspace, alice: User, receiver: Receiver
) -> None:
    broken = record(workspace)
    WebhookEndpoint.objects.update(secret="whsec_")  # no key: signing raises
    fine = services.create_endpoint(workspace=workspace, creator=alice, url=receiver.url, events=[Event.JOB_FAILED])
    record(workspace, Event.JOB_FAILED)
    WebhookDelivery.objects.filter(endpoint=endpoint, event="job.failed").delete()
    message = fine.deliveries.get()
    tasks.deliver_due()
    broken.refresh_from_db()
    message.refresh_from_db()
    assert (broken.state, broken.problem, message.state) == ("pending", Problem.UNREACHABLE, "delivered")


def test_sweep_queues_a_lost_wake_up(
    endpoint: WebhookEndpoint, workspace: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    from django_q.models import OrmQ

    tasks.sweep()
    assert OrmQ.objects.count() == 0
    record(workspace)
    with listed_by_index(WebhookDelivery, WebhookEndpoint):
        tasks.sweep()
    [wake_up] = OrmQ.objects.all()
    assert (wake_up.key, wake_up.func()) == ("pump", "tchavi_studio.webhooks.tasks.deliver_due")


def test_wake_ups_do_not_pile_up(endpoint: WebhookEndpoint, workspace: Workspace) -> None:
    from django_q.models import OrmQ

    record(workspace)
    for _ in range(15):
        tasks.sweep()
    assert OrmQ.objects.count() == 10


def test_settled_messages_are_deleted_after_30_days(
    endpoint: WebhookEndpoint, workspace: Workspace, receiver: Receiver
) -> None:
    _settled, waiting, fresh = (record(workspace, number=number) for number in range(3))
    long_ago = timezone.now() - timedelta(days=30, seconds=1)
    WebhookDelivery.objects.exclude(pk=fresh.pk).update(created_at=long_ago)
    WebhookDelivery.objects.exclude(pk=waiting.pk).update(
        state="delivered", delivered_at=datetime(2026, 1, 1, tzinfo=UTC), next_attempt_at=None
    )
    with listed_by_index(WebhookDelivery):
        tasks.clean_up()
    assert sorted(WebhookDelivery.objects.values_list("pk", flat=True)) == sorted([waiting.pk, fresh.pk])


def test_a_message_does_not_wait_for_a_future_that_the_clock_has_left(
    workspace: Workspace, endpoint: WebhookEndpoint
) -> None:
    message = record(workspace)
    far = timezone.now() + timedelta(days=30)
    WebhookDelivery.objects.filter(pk=message.pk).update(next_attempt_at=far, leased_by=uuid4(), leased_until=far)
    with listed_by_index(WebhookDelivery):
        tasks.clean_up()
    message.refresh_from_db()
    assert message.next_attempt_at is not None
    assert message.leased_until is not None
    assert message.next_attempt_at < timezone.now() + timedelta(hours=12)
    assert message.leased_until <= timezone.now() + delivery.LEASE
