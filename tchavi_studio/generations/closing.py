"""Emptying closed workspaces bit by bit, since one may hold a million clips. The ledger's rows stay."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import delete_asset
from tchavi_studio.webhooks.models import WebhookEndpoint
from tchavi_studio.webhooks.services import delete_endpoint
from tchavi_studio.workspaces.models import Workspace

from .lifecycle import cancel_queued
from .models import IS_OPEN, ApprovalRequest, Engine, Generation, State
from .organising.emptying import delete_tags_and_collections
from .services import delete_for_good

LATECOMERS = timedelta(hours=1)
"""How long a request that began before the workspace was closed may still write to it."""

IS_TO_EMPTY = Q(closed_at__isnull=False, emptied_at__isnull=True)


def empty_closed_workspaces(*, max_count: int = 100) -> int:
    """Delete up to `max_count` clips and files of closed workspaces; returns how many.

    Waiting clips are cancelled and refunded; those at work end first, and an exposure stays until it is reviewed.
    """
    count = 0
    for workspace in Workspace.objects.filter(IS_TO_EMPTY).order_by("closed_at")[:max_count]:
        count += _empty(workspace, max_count - count)
        if count >= max_count:
            break
    return count


def _empty(workspace: Workspace, max_count: int) -> int:
    for endpoint in WebhookEndpoint.objects.filter(workspace=workspace):
        delete_endpoint(endpoint=endpoint, actor=None)
    waiting = Generation.objects.filter(
        IS_OPEN, engine__in=Engine.values, state=State.QUEUED, workspace=workspace
    ).values_list("pk", flat=True)
    for generation_id in waiting[:max_count]:
        cancel_queued(generation_id)
    clips = Generation.objects.filter(workspace=workspace)
    count = delete_tags_and_collections(workspace=workspace, max_count=max_count)
    count += delete_for_good(clips.filter(~IS_OPEN), max_count=max_count - count)
    # Files that a clip still uses go after it, and clips that were stored for nobody have their own clean-up.
    unused = Asset.objects.filter(workspace=workspace, unowned_since=None, used_in=None, generation=None)
    count += sum(delete_asset(asset=asset) for asset in list(unused[: max_count - count]))
    requests = ApprovalRequest.objects.filter(workspace=workspace).values_list("pk", flat=True)
    if count < max_count and (parked := list(requests[: max_count - count])):
        ApprovalRequest.objects.filter(pk__in=parked).delete()
        count += len(parked)
    is_late_enough = workspace.closed_at is not None and workspace.closed_at < timezone.now() - LATECOMERS
    if is_late_enough and count == 0 and not clips.exists() and not Asset.objects.filter(workspace=workspace).exists():
        Workspace.objects.filter(pk=workspace.pk).update(emptied_at=timezone.now())
    return count
