"""Reads for `/v1` and the Developers pages. Each starts from a key or a member."""

import heapq
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone

from tchavi_studio.generations.models import OPEN_STATES, Generation, KeyUse, State
from tchavi_studio.generations.visibility import visible_to
from tchavi_studio.long_lists import rows_after
from tchavi_studio.workspaces.models import Membership, Permission, Workspace

from .models import ApiKey
from .services import digest

KEY_PATTERN = re.compile(r"sk-tch_(?:test_)?([0-9a-f]{12})[A-Za-z0-9_-]{43}", re.ASCII)
JOB_PATTERN = re.compile(r"job_[0-9a-f]{32}", re.ASCII)


def key_by_text(text: str) -> ApiKey | None:
    """The row for the key `text`, even if revoked or expired; None if there is no such key."""
    match = KEY_PATTERN.fullmatch(text)
    if match is None:
        return None
    row = ApiKey.objects.select_related("workspace", "user").filter(public_id=match.group(1)).first()
    return row if row and hmac.compare_digest(row.secret_sha256, digest(text)) else None


def membership_of_key(key: ApiKey) -> Membership | None:
    """The membership a key acts with; None if its person has left the workspace or was deactivated."""
    return Membership.objects.filter(workspace=key.workspace_id, user=key.user_id, user__is_active=True).first()


def jobs_for_key(key: ApiKey, membership: Membership) -> QuerySet[Generation]:
    """The jobs that this key started and its person may see, newest first."""
    jobs = visible_to(membership).filter(key_id=key.pk, is_test=key.is_test)
    return jobs.select_related("output").order_by("-created_at", "-id")


def job_page(
    key: ApiKey,
    membership: Membership,
    *,
    states: Collection[State],
    length: int,
    offset: int,
    after: Generation | None,
) -> tuple[list[Generation], bool]:
    """Up to `length` of the key's jobs in `states`, and whether there are older ones.

    They are those after the newest `offset` jobs, or after the job `after`. The ids are found in indexes, so skipping
    doesn't read what is skipped. An index has an order within each state, so lists of several are merged here.
    """
    jobs = jobs_for_key(key, membership)
    if after is not None:
        jobs, offset = rows_after(jobs, after.created_at, after.pk), 0
    end = offset + length + 1
    if states == set(State):
        ids = list(jobs.values_list("pk", flat=True)[offset:end])
    else:
        lists = (jobs.filter(state=state).values_list("created_at", "pk")[:end] for state in states)
        ids = [pk for _created_at, pk in islice(heapq.merge(*lists, reverse=True), offset, end)]
    rows = Generation.objects.select_related("output").in_bulk(ids[:length])
    # A job may have been deleted between the two statements.
    return [rows[pk] for pk in ids[:length] if pk in rows], len(ids) > length


def job_for_key(key: ApiKey, membership: Membership, job_id: str) -> Generation | None:
    """One of the key's jobs by its public id (`job_…`); None if this key has no such job."""
    if JOB_PATTERN.fullmatch(job_id) is None:
        return None
    return jobs_for_key(key, membership).filter(pk=UUID(job_id.removeprefix("job_"))).first()


def keys_for_viewer(*, membership: Membership) -> QuerySet[ApiKey]:
    """The keys a member may see and revoke, usable ones first: their own, or for managers all of the workspace's."""
    keys = ApiKey.objects.filter(workspace=membership.workspace).select_related("user")
    if not membership.can(Permission.MANAGE):
        keys = keys.filter(user=membership.user)
    return keys.order_by(F("revoked_at").asc(nulls_first=True), "-created_at")


@dataclass(kw_only=True)
class Usage:
    """What a key started in one month: the number of clips, and their prices net of refunds."""

    clip_count: int = 0
    spent_credits: int = 0


def usage_of_keys(*, workspace: Workspace, key_ids: Collection[UUID]) -> dict[UUID, Usage]:
    """Each key's usage in this month. Two queries; clips that have ended are counted already, so few rows are read."""
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    usage = {key_id: Usage() for key_id in key_ids}
    for ended in KeyUse.objects.filter(key_id__in=key_ids, month=month.date()):
        usage[ended.key_id] = Usage(clip_count=ended.clip_count, spent_credits=ended.spent_credits)
    still_open = Generation.objects.filter(
        workspace=workspace, key_id__in=key_ids, state__in=OPEN_STATES, created_at__gte=month
    )
    for key_id, price_credits in still_open.values_list("key_id", "price_credits"):
        assert key_id is not None
        usage[key_id].clip_count += 1
        usage[key_id].spent_credits += price_credits
    return usage
