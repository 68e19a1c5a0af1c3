"""Events recorded when a clip ends: in the same transaction, once, for each subscriber, with few queries."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from django_q.models import OrmQ
from pytest_django import DjangoAssertNumQueries

from tchavi_studio.assets.models import Asset, Origin
from tchavi_studio.assets.models import Kind as AssetKind
from tchavi_studio.generations import events, lifecycle
from tchavi_studio.generations.models import Generation, State
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.ledger.models import Transfer
from tchavi_studio.webhooks import services
from tchavi_studio.webhooks.models import DisabledReason, Event, WebhookDelivery, WebhookEndpoint
from tchavi_studio.webhooks.services import iso_utc
from tchavi_studio.workspaces.models import User, Workspace

from .conftest import payload, record

URL = "https://example.org/webhooks"
Start = Callable[..., Generation]


@pytest.fixture
def start(workspace: Workspace, alice: User) -> Start:
    """Start a clip of 1,300 credits; keyword arguments go to `start_generation`."""

    def start_one(**options: Any) -> Generation:
        params = validate({"model": "seedance-2", "prompt": "Dawn over the lagoon", "seed": 7}).params
        assert params is not None
        started = start_generation(
            Order(workspace=workspace, creator=alice, params=params, submission_id=uuid4(), **options)
        )
        return started.generations[0]

    return start_one


@pytest.fixture
def both(workspace: Workspace, alice: User) -> WebhookEndpoint:
    """An endpoint for both events."""
    return add(workspace, alice, Event.JOB_COMPLETED, Event.JOB_FAILED)


def add(workspace: Workspace, creator: User, *asked: Event) -> WebhookEndpoint:
    return services.create_endpoint(workspace=workspace, creator=creator, url=URL, events=list(asked))


def finish(generation: Generation, tmp_path: Any) -> bool:
    """Finish a clip through the lifecycle, pretending to store an output."""
    claim = lifecycle.claim_next_render()
    assert claim is not None
    assert claim.pk == generation.pk
    output = Asset.objects.create(
        workspace=generation.workspace,
        kind=AssetKind.VIDEO,
        origin=Origin.OUTPUT,
        content_type="video/mp4",
        width=generation.width,
        height=generation.height,
        duration_seconds=5,
        byte_count=1,
        source_sha256=uuid4().hex * 2,
        content_sha256=uuid4().hex * 2,
        file=f"nowhere/{uuid4()}.mp4",
    )
    with patch.object(lifecycle, "store_output", return_value=output):
        return lifecycle.finish_generation(claim, path=tmp_path / "clip.mp4")


def test_finished_clip_sends_completed(both: WebhookEndpoint, start: Start, tmp_path: Any) -> None:
    key_id = uuid4()
    generation = start(key_id=key_id)
    assert finish(generation, tmp_path) is True
    generation.refresh_from_db()
    assert generation.finished_at is not None
    [message] = WebhookDelivery.objects.all()
    assert (message.endpoint_id, message.event, message.job_id) == (
        both.pk,
        "job.completed",
        f"job_{generation.pk.hex}",
    )
    assert payload(message) == {
        "type": "job.completed",
        "timestamp": iso_utc(message.created_at),
        "data": {
            "id": f"job_{generation.pk.hex}",
            "status": "completed",
            "model": "seedance-2",
            "created_at": iso_utc(generation.created_at),
            "finished_at": iso_utc(generation.finished_at),
            "tchavi": {"credits_used": 1300},
            "studio": {"engine": "preview", "seed": 7, "is_test": False, "source": "api"},
        },
    }


def test_failed_clip_sends_reason_and_refund(both: WebhookEndpoint, start: Start) -> None:
    generation = start()
    assert lifecycle.fail_generation(generation.pk, code="render_failed", message="The render failed.") is True
    [message] = WebhookDelivery.objects.all()
    data = payload(message)["data"]
    assert (message.event, data["status"]) == ("job.failed", "failed")
    assert data["error"] == {"code": "render_failed", "message": "The render failed."}
    assert data["tchavi"] == {"credits_used": 1300, "credits_refunded": 1300}
    assert data["studio"]["source"] == "browser"


def test_error_messages_are_in_english(both: WebhookEndpoint, start: Start) -> None:
    first, second = start(), start()
    with override("fr"):
        lifecycle.fail_generation(first.pk, code="reference_image_unreadable", figures={"number": 2})
        lifecycle.cancel_queued(second.pk)
    errors = [payload(message)["data"]["error"] for message in WebhookDelivery.objects.order_by("created_at", "id")]
    assert errors == [
        {
            "code": "reference_image_unreadable",
            "message": "Reference image 2 couldn't be read. Try again with another file.",
        },
        {"code": "cancelled", "message": "Cancelled before work on it began."},
    ]


def test_cancelled_clip_is_a_failed_job(both: WebhookEndpoint, start: Start) -> None:
    assert lifecycle.cancel_queued(start().pk) is True
    [message] = WebhookDelivery.objects.all()
    data = payload(message)["data"]
    assert (message.event, data["status"], data["error"]["code"]) == ("job.failed", "failed", "cancelled")
    assert data["error"]["message"] == "Cancelled before work on it began."


def test_message_matches_the_api(both: WebhookEndpoint, start: Start, rf: Any, settings: Any) -> None:
    from tchavi_studio.api.records import job_record

    generation = start(is_test=True, key_id=uuid4())
    lifecycle.fail_generation(generation.pk, code="render_failed", message="The render failed.")
    generation.refresh_from_db()
    data = payload(WebhookDelivery.objects.get())["data"]
    del data["finished_at"], data["studio"]["source"]
    assert data == job_record(generation, rf.get("/"))


def test_clip_ends_only_once(both: WebhookEndpoint, start: Start) -> None:
    generation = start()
    assert lifecycle.cancel_queued(generation.pk) is True
    assert lifecycle.cancel_queued(generation.pk) is False
    assert lifecycle.fail_generation(generation.pk, code="late", message="Late.") is False
    assert WebhookDelivery.objects.count() == 1


def test_change_and_message_share_a_transaction(both: WebhookEndpoint, start: Start) -> None:
    generation = start()

    def rolled_back() -> None:
        with transaction.atomic():
            lifecycle.fail_generation(generation.pk, code="x", message="x")
            assert WebhookDelivery.objects.count() == 1
            raise InterruptedError

    with pytest.raises(InterruptedError):
        rolled_back()
    generation.refresh_from_db()
    assert (generation.state, WebhookDelivery.objects.count()) == (State.QUEUED, 0)


@pytest.mark.parametrize("how", ["finish", "fail", "cancel"])
def test_clip_does_not_end_without_its_message(both: WebhookEndpoint, start: Start, tmp_path: Any, how: str) -> None:
    generation = start()
    ends: dict[str, Callable[[], object]] = {
        "finish": lambda: finish(generation, tmp_path),
        "fail": lambda: lifecycle.fail_generation(generation.pk, code="x", message="x"),
        "cancel": lambda: lifecycle.cancel_queued(generation.pk),
    }
    with patch.object(events, "record_event", side_effect=InterruptedError), pytest.raises(InterruptedError):
        ends[how]()
    generation.refresh_from_db()
    assert generation.is_open
    assert Transfer.objects.filter(reference=generation.pk, kind="refund").count() == 0


def test_endpoints_get_only_their_events(
    workspace: Workspace, alice: User, bob: User, start: Start, tmp_path: Any
) -> None:
    finished = add(workspace, alice, Event.JOB_COMPLETED)
    failed = add(workspace, alice, Event.JOB_FAILED)
    everything = add(workspace, alice, Event.JOB_COMPLETED, Event.JOB_FAILED)
    disabled = add(workspace, alice, Event.JOB_COMPLETED, Event.JOB_FAILED)
    services.disable_endpoint(endpoint=disabled, reason=DisabledReason.BY_HAND)
    add(Workspace.objects.get(memberships__user=bob), bob, Event.JOB_COMPLETED, Event.JOB_FAILED)

    finish(start(), tmp_path)
    lifecycle.cancel_queued(start().pk)
    sent = set(WebhookDelivery.objects.values_list("endpoint", "event"))
    assert sent == {
        (finished.pk, "job.completed"),
        (failed.pk, "job.failed"),
        (everything.pk, "job.completed"),
        (everything.pk, "job.failed"),
    }
    assert len(set(WebhookDelivery.objects.values_list("message_id", flat=True))) == 4


def test_event_is_one_message_per_endpoint(both: WebhookEndpoint, workspace: Workspace) -> None:
    record(workspace)
    with pytest.raises(IntegrityError), transaction.atomic():
        record(workspace)


def test_event_without_subscribers_takes_one_query(
    workspace: Workspace, start: Start, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    generation = start()
    with django_assert_num_queries(1), transaction.atomic(savepoint=False):
        events.record_end(generation.pk)


@pytest.mark.parametrize("endpoint_count", [1, 5])
def test_event_with_subscribers_takes_three_queries_and_one_for_the_creator(
    workspace: Workspace,
    alice: User,
    alice_browser: Client,
    start: Start,
    endpoint_count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _number in range(endpoint_count):
        add(workspace, alice, Event.JOB_FAILED)
    generation = start()
    Generation.objects.filter(pk=generation.pk).update(
        state=State.FAILED, error_code="x", error_message="x", finished_at=timezone.now()
    )
    with django_assert_num_queries(4), transaction.atomic(savepoint=False):
        events.record_end(generation.pk)
    assert WebhookDelivery.objects.count() == endpoint_count


def test_wake_up_is_queued_on_commit(
    both: WebhookEndpoint, workspace: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        record(workspace)
        assert OrmQ.objects.count() == 0
    assert len(callbacks) == 1
    callbacks[0]()
    [wake_up] = OrmQ.objects.all()
    assert wake_up.func() == "tchavi_studio.webhooks.tasks.deliver_due"


def test_workspace_has_at_most_ten_endpoints(workspace: Workspace, alice: User) -> None:
    for _number in range(10):
        add(workspace, alice, Event.JOB_FAILED)
    with pytest.raises(services.TooManyEndpointsError):
        add(workspace, alice, Event.JOB_FAILED)
    assert WebhookEndpoint.objects.count() == 10
