"""Reads for `/v1` and the Developers pages. Each starts from a key or a member."""

import heapq
import hmac
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import CharField, F, FilteredRelation, Model, Q, QuerySet
from django.utils import timezone

from tchavi_studio.generations.models import OPEN_STATES, Generation, KeyUse, State
from tchavi_studio.generations.visibility import own_clips
from tchavi_studio.long_lists import rows_after
from tchavi_studio.prepared import Parameter, Prepared
from tchavi_studio.workspaces.models import Membership, Permission, User, Workspace
from tchavi_studio.workspaces.months import month_at
from tchavi_studio.workspaces.time_zones import month_of

from .models import ApiKey
from .services import digest

KEY_PATTERN = re.compile(r"sk-tch_(?:test_)?([0-9a-f]{12})[A-Za-z0-9_-]{43}", re.ASCII)
JOB_PATTERN = re.compile(r"job_[0-9a-f]{32}", re.ASCII)


def key_by_text(text: str) -> tuple[ApiKey, Membership | None] | None:
    """The row for the key `text`, even if revoked or expired, with the membership it acts with. One query.

    There is no membership if its person has left the workspace or was deactivated. None if there is no such key.
    """
    match = KEY_PATTERN.fullmatch(text)
    if match is None:
        return None
    rows = _prepared_key.values(public_id=match.group(1))
    if not rows:
        return None
    key, workspace, user, membership = _instances(rows[0])
    if not hmac.compare_digest(key.secret_sha256, digest(text)):
        return None
    key.workspace, key.user = workspace, user
    if membership.pk is None or not user.is_active:
        return key, None
    membership.workspace, membership.user = workspace, user
    return key, membership


_KEY_PARTS: dict[str, type[Model]] = {
    "": ApiKey,
    "workspace__": Workspace,
    "user__": User,
    "own_membership__": Membership,
}
"""The rows that each request reads of its key, by the prefix of their fields."""


def _key() -> QuerySet[ApiKey, Any]:
    own_membership = FilteredRelation("workspace__memberships", condition=Q(workspace__memberships__user=F("user")))
    names = [
        f"{prefix}{field.attname}" for prefix, model in _KEY_PARTS.items() for field in model._meta.concrete_fields
    ]
    keys = ApiKey.objects.annotate(own_membership=own_membership)
    return keys.filter(public_id=Parameter("public_id", CharField())).values_list(*names)


_prepared_key = Prepared(_key)


def _instances(row: list[Any]) -> Iterator[Any]:
    values = iter(row)
    for model in _KEY_PARTS.values():
        names = [field.attname for field in model._meta.concrete_fields]
        yield model.from_db(connection.alias, names, list(islice(values, len(names))))


def jobs_for_key(key: ApiKey, membership: Membership) -> QuerySet[Generation]:
    """The jobs that this key started for its person, newest first."""
    jobs = own_clips(membership).filter(key_id=key.pk, is_test=key.is_test)
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


MAX_KEYS_OF_PERSON = 200


def usable_keys_of_person(user: User) -> list[ApiKey]:
    """The person's keys that aren't revoked or expired, in all workspaces: up to MAX_KEYS_OF_PERSON, newest first."""
    keys = ApiKey.objects.filter(user=user, revoked_at=None).select_related("workspace").order_by("-created_at")
    return [key for key in keys[:MAX_KEYS_OF_PERSON] if key.is_usable]


@dataclass(kw_only=True)
class Usage:
    """What a key started in one month: the number of clips, and their prices net of refunds."""

    clip_count: int = 0
    spent_credits: int = 0


def usage_of_keys(*, workspace: Workspace, key_ids: Collection[UUID]) -> dict[UUID, Usage]:
    """Each key's usage in the workspace's month. Two queries; ended clips are counted already, so few are read."""
    now = timezone.now()
    first, begins_at = month_of(workspace, now), month_at(workspace, now).starts_at
    usage = {key_id: Usage() for key_id in key_ids}
    for ended in KeyUse.objects.filter(key_id__in=key_ids, month=first):
        usage[ended.key_id] = Usage(clip_count=ended.clip_count, spent_credits=ended.spent_credits)
    still_open = Generation.objects.filter(
        workspace=workspace, key_id__in=key_ids, state__in=OPEN_STATES, created_at__gte=begins_at
    )
    for key_id, price_credits in still_open.values_list("key_id", "price_credits"):
        assert key_id is not None
        usage[key_id].clip_count += 1
        usage[key_id].spent_credits += price_credits
    return usage
