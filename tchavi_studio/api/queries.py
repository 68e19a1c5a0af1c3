"""Reads for `/v1` and the Developers pages. Each starts from a key or a member."""

import hmac
import re
from uuid import UUID

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from tchavi_studio.generations.models import OPEN_STATES, Generation, State
from tchavi_studio.generations.visibility import visible_to
from tchavi_studio.workspaces.models import Membership, Permission

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


def job_for_key(key: ApiKey, membership: Membership, job_id: str) -> Generation | None:
    """One of the key's jobs by its public id (`job_…`); None if this key has no such job."""
    if JOB_PATTERN.fullmatch(job_id) is None:
        return None
    return jobs_for_key(key, membership).filter(pk=UUID(job_id.removeprefix("job_"))).first()


def keys_for_viewer(*, membership: Membership) -> QuerySet[ApiKey]:
    """The keys a member may see and revoke, usable ones first: their own, or for managers all of the workspace's.

    Each is annotated with this month's `job_count` and `spent_credits`, net of refunds.
    """
    keys = ApiKey.objects.filter(workspace=membership.workspace).select_related("user")
    if not membership.can(Permission.MANAGE):
        keys = keys.filter(user=membership.user)
    month = timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    jobs = (
        Generation.objects.filter(workspace=membership.workspace, key_id=OuterRef("pk"), created_at__gte=month)
        .order_by()
        .values("key_id")
    )
    kept = Q(state__in=[*OPEN_STATES, State.COMPLETED])
    return keys.annotate(
        job_count=Coalesce(Subquery(jobs.annotate(n=Count("pk")).values("n"), output_field=IntegerField()), 0),
        spent_credits=Coalesce(
            Subquery(jobs.annotate(n=Sum("price_credits", filter=kept)).values("n"), output_field=IntegerField()), 0
        ),
    ).order_by(F("revoked_at").asc(nulls_first=True), "-created_at")
