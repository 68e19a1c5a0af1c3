"""Work in flight before the migration to leases: its workers are gone, and it recovers as after a crash."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from tchavi_studio.api import idempotency
from tchavi_studio.api.models import ApiKey
from tchavi_studio.assets.models import Asset
from tchavi_studio.generations import lifecycle
from tchavi_studio.generations.models import Generation, PumpSlot, RemoteJob, State
from tchavi_studio.generations.upstream import following, submission, transfers
from tchavi_studio.generations.upstream.slots import take_slot
from tchavi_studio.webhooks import delivery
from tests.databases import Database, connected_to

# The suite migrates a whole studio from later than that.
pytestmark = [pytest.mark.one_database, pytest.mark.long]

BEFORE = [("generations", "0003_upstream"), ("webhooks", "0001_initial"), ("api", "0001_initial")]
CLIP = {
    "model": "seedance-2",
    "prompt": "Dawn",
    "duration_seconds": 5,
    "resolution": "480p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
    "seed": 1,
    "width": 864,
    "height": 496,
    "price_credits": 0,
    "attempt_count": 1,
}


@pytest.fixture
def old(tmp_path: Path, django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Any]:
    """The apps as they were before the migration, on a database from that time."""
    with django_db_blocker.unblock(), connected_to(Database(name=str(tmp_path / "old.sqlite3"), url="")):
        executor = MigrationExecutor(connection)
        executor.migrate(BEFORE)
        yield executor.loader.project_state(BEFORE).apps


def test_outputs_and_submissions_from_before_are_found(old: Any) -> None:
    workspace = old.get_model("workspaces", "Workspace").objects.create(name="Alice", slug="alice")
    assets, clips = old.get_model("assets", "Asset").objects, old.get_model("generations", "Generation").objects
    stored_at, sent_at = timezone.now() - timedelta(days=40), timezone.now() - timedelta(hours=3)
    film = {
        "workspace": workspace, "kind": "video", "content_type": "video/mp4", "width": 1, "height": 1,
        "duration_seconds": 5, "byte_count": 1, "file": "x", "created_at": stored_at,
    }  # fmt: skip
    owned, orphan = (assets.create(origin="output", **film) for _asset in range(2))
    uploaded = assets.create(origin="upload", **film)
    common = {"workspace": workspace, "book": "live", "engine": "tchavi", **CLIP}
    clips.create(state="completed", output=owned, finished_at=stored_at, **common)
    sent = clips.create(state="processing", **common)
    old.get_model("generations", "RemoteJob").objects.create(
        reference=sent.pk, generation=sent, attempt_id=uuid4(), sent_at=sent_at, remote_id="job_1"
    )

    call_command("migrate", interactive=False, verbosity=0)
    assert dict(Asset.objects.values_list("pk", "unowned_since")) == {
        owned.pk: None,
        orphan.pk: stored_at,
        uploaded.pk: None,
    }
    assert Generation.objects.get(pk=sent.pk).started_at == sent_at
    assert lifecycle.delete_orphaned_outputs() == 1
    assert following.fail_overdue() == 1


def test_work_in_flight_recovers(old: Any, settings: Settings) -> None:
    settings.STUDIO_MODE = settings.STUDIO_BOOK = "live"
    until = timezone.now() + timedelta(minutes=15)
    user = old.get_model("workspaces", "User").objects.create(email="alice@example.org")
    workspace = old.get_model("workspaces", "Workspace").objects.create(name="Alice", slug="alice")
    clips, jobs = old.get_model("generations", "Generation").objects, old.get_model("generations", "RemoteJob").objects
    in_flight = {"workspace": workspace, "fence": 3, "lease_until": until, **CLIP}
    rendering = clips.create(engine="preview", state="processing", book="live", **in_flight)
    sending = clips.create(engine="tchavi", state="submitting", book="live", **in_flight)
    fetched = clips.create(engine="tchavi", state="saving", book="live", **in_flight)
    looked_at = clips.create(engine="tchavi", state="processing", book="live", **in_flight | {"lease_until": None})
    jobs.create(reference=sending.pk, generation=sending, attempt_id=uuid4(), sent_at=timezone.now())
    jobs.create(
        reference=looked_at.pk,
        generation=looked_at,
        attempt_id=uuid4(),
        sent_at=timezone.now(),
        remote_id="job_1",
        poll_at=timezone.now(),
        held_by=uuid4(),
        held_until=until,
    )
    old.get_model("generations", "PumpSeat").objects.create(number=0, held_by=uuid4(), held_until=until)
    endpoint = old.get_model("webhooks", "WebhookEndpoint").objects.create(
        workspace=workspace, url="https://receiver.example.org"
    )
    deliveries = old.get_model("webhooks", "WebhookDelivery").objects
    message = deliveries.create(
        message_id="msg_1", endpoint=endpoint, event="job.failed", payload="{}", fence=1, lease_until=until
    )
    key = old.get_model("api", "ApiKey").objects.create(
        workspace=workspace, user=user, name="x", public_id="x", secret_sha256="x"
    )
    body_sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    request = old.get_model("api", "IdempotentRequest").objects.create(
        workspace=workspace, is_test=False, key="a", request_sha256=body_sha256, lease_until=until
    )

    call_command("migrate", interactive=False, verbosity=0)
    leased = [*Generation.objects.exclude(pk=looked_at.pk), *RemoteJob.objects.filter(pk=looked_at.pk)]
    assert {row.leased_until for row in [*leased, PumpSlot.objects.get()]} == {until}

    caller = ApiKey.objects.get(pk=key.pk)
    assert (lifecycle.rescue_abandoned_renders(), submission.rescue_dead_submissions()) == (0, 0)
    assert (transfers.claim_next_download(), following.claim_due_jobs(), take_slot()) == (None, None, None)
    assert delivery.claim_next_delivery() is None
    with time_machine.travel(until, tick=False):
        assert (lifecycle.rescue_abandoned_renders(), submission.rescue_dead_submissions()) == (1, 1)
        download, look, slot = transfers.claim_next_download(), following.claim_due_jobs(), take_slot()
        sent_again = delivery.claim_next_delivery()
        taken_over = idempotency.claim_request(caller=caller, key="a", body={})
    assert [Generation.objects.get(pk=clip.pk).state for clip in (rendering, sending)] == [State.QUEUED, State.UNKNOWN]
    assert download is not None
    assert look is not None
    assert slot is not None
    assert sent_again is not None
    assert isinstance(taken_over, idempotency.Claim)
    assert (download.pk, look.unseen, slot.pk) == (fetched.pk, {"job_1": looked_at.pk}, 0)
    assert (sent_again.delivery.pk, taken_over.submission_id) == (message.pk, request.pk)
