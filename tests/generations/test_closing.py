"""Emptying closed workspaces: bit by bit, with refunds, and without touching the ledger or anybody else."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.closing import empty_closed_workspaces
from tchavi_studio.generations.models import Collection, CollectionItem, Generation, RemoteJob, State, Tag, Tagging
from tchavi_studio.generations.organising.collections import collect_clips, create_collection
from tchavi_studio.generations.organising.tags import tag_clips
from tchavi_studio.ledger.queries import wallet_balance
from tchavi_studio.ledger.verification import verify_ledger
from tchavi_studio.webhooks.models import Event, WebhookEndpoint
from tchavi_studio.webhooks.services import create_endpoint
from tchavi_studio.workspaces.models import Membership, User, Workspace
from tests.plans import listed_by_index


@pytest.fixture
def close(workspace: Workspace) -> Callable[[], None]:
    """Close Alice's workspace, a while ago."""

    def close_it() -> None:
        Workspace.objects.filter(pk=workspace.pk).update(closed_at=timezone.now() - timedelta(hours=2))

    return close_it


def test_closed_workspace_is_emptied_bit_by_bit(
    start: Callable[..., Generation],
    complete: Callable[[Generation], None],
    close: Callable[[], None],
    workspace: Workspace,
    alice: User,
) -> None:
    ended, waiting, working = [start() for _number in range(3)], start(), start()
    membership = Membership.objects.get(workspace=workspace, user=alice)
    tag_clips(membership=membership, generation_ids=[working.pk, waiting.pk], name="Rushes")
    reel = create_collection(membership=membership, name="Reel")
    collect_clips(membership=membership, collection_id=reel.pk, generation_ids=[working.pk])
    for clip in ended:
        complete(clip)
    Generation.objects.filter(pk=working.pk).update(state=State.PROCESSING)
    create_endpoint(workspace=workspace, creator=alice, url="https://example.org/", events=[Event.JOB_COMPLETED])
    close()
    with listed_by_index(Generation, Asset, Workspace, Tagging, CollectionItem):
        assert empty_closed_workspaces(max_count=2) == 2
    assert (Tagging.objects.count(), Tag.objects.count(), CollectionItem.objects.count()) == (0, 1, 1)
    assert not WebhookEndpoint.objects.exists()
    while empty_closed_workspaces(max_count=2):
        pass
    # What is being made can't be stopped: it ends first.
    assert [clip.pk for clip in Generation.objects.all()] == [working.pk]
    assert not Asset.objects.exists()
    assert not Tag.objects.exists()
    assert not Collection.objects.exists()
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000 - 4 * 1_300
    lifecycle.fail_generation(working.pk, code="render_failed")
    assert empty_closed_workspaces() == 1
    assert empty_closed_workspaces() == 0
    workspace.refresh_from_db()
    assert workspace.emptied_at is not None
    assert waiting.pk != working.pk
    assert wallet_balance(workspace=workspace, book="sandbox") == 10_000 - 3 * 1_300
    assert list(verify_ledger()) == []


def test_latecomers_are_waited_for(workspace: Workspace) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(closed_at=timezone.now() - timedelta(minutes=59))
    assert empty_closed_workspaces() == 0
    workspace.refresh_from_db()
    assert workspace.emptied_at is None


def test_an_unreviewed_exposure_stays(
    start: Callable[..., Generation], close: Callable[[], None], alice: User, workspace: Workspace
) -> None:
    clip = start()
    lifecycle.fail_generation(clip.pk, code="upstream_unknown", message="", needs_review=True)
    job = RemoteJob.objects.create(reference=clip.pk, generation=clip, attempt_id=uuid4(), sent_at=timezone.now())
    close()
    assert empty_closed_workspaces() == 0
    services.review_exposure(job=job, admin=alice)
    assert empty_closed_workspaces() == 1


def test_other_workspaces_are_left_alone(start: Callable[..., Generation], bob: User) -> None:
    clip = start()
    services.cancel_generation(generation=clip)
    Workspace.objects.filter(memberships__user=bob).update(closed_at=timezone.now() - timedelta(hours=2))
    assert empty_closed_workspaces() == 0
    assert list(Generation.objects.all()) == [clip]
