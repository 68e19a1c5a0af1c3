"""Idempotency-Key: a repeated request gets the first answer again, and is neither carried out nor billed twice."""

import hashlib
import json
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import IntegerField, JSONField, QuerySet, UUIDField
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.prepared import Parameter, Prepared, insert_row
from tchavi_studio.runtime import leases
from tchavi_studio.runtime.clock import bring_back

from .errors import ApiError, unreadable_request
from .models import ApiKey, IdempotentRequest

HEADER = "Idempotency-Key"
KEY_PATTERN = re.compile(r"[!-~]{1,255}", re.ASCII)
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=90)
"""A request that hasn't renewed its lease for this long has lost its process. It renews before each slow step."""

MAX_DELETED = 500
"""More than a key's requests in the minute between two calls."""

WAIT_SECONDS = 2.0
WAIT_STEP_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """The first answer to a repeated request."""

    status: int
    body: Any


class Claim:
    """The right to carry out a request and store its answer. `submission_id` is the generation's."""

    def __init__(self, lease: leases.Claim[IdempotentRequest]) -> None:
        self.submission_id: UUID = lease.pk
        self._lease = lease

    def renew(self) -> None:
        """Extend the claim before a slow step. Raises the 409 of `in_progress` if another request has taken it."""
        if not self._lease.renew():
            raise in_progress()

    def finish(self, *, status: int, body: Any) -> None:
        """Store the answer. Call it in the transaction that creates the job, so that both are saved or neither."""
        if not _prepared_answer.update(pk=self._lease.pk, token=self._lease.token, status=status, body=body):
            raise in_progress()

    def release(self) -> None:
        """Free the key after the request was refused. Does nothing once an answer is stored."""
        self._lease.rows.delete()


def _held() -> QuerySet[IdempotentRequest]:
    token = Parameter("token", UUIDField())
    return IdempotentRequest.objects.filter(pk=Parameter("pk", UUIDField()), leased_by=token)


_prepared_answer = Prepared(
    _held, **leases.RELEASED, status=Parameter("status", IntegerField()), body=Parameter("body", JSONField())
)


def claim_request(*, caller: ApiKey, key: str, body: dict[str, Any]) -> Claim | StoredAnswer:
    """Claim a request with an Idempotency-Key, or return its stored answer.

    Waits briefly if the first request is still running. Raises `ApiError`: 400 for an invalid key, 409 if the first
    request is still running after the wait, 422 if the key was used with another body.
    """
    if KEY_PATTERN.fullmatch(key) is None:
        raise unreadable_request(_("An Idempotency-Key is 1 to 255 visible ASCII characters."), param=HEADER)
    request_sha256 = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        outcome = _created(caller, key, request_sha256) or _found(caller, key, request_sha256)
        if outcome is not None:
            return outcome
        if time.monotonic() >= deadline:
            raise in_progress()
        time.sleep(WAIT_STEP_SECONDS)


def delete_expired_answers() -> None:
    """Delete the oldest answers that no longer need to be kept, a bounded number at a time."""
    expired = IdempotentRequest.objects.filter(created_at__lte=timezone.now() - KEPT).order_by("created_at")
    IdempotentRequest.objects.filter(pk__in=list(expired.values_list("pk", flat=True)[:MAX_DELETED])).delete()


def _created(caller: ApiKey, key: str, request_sha256: str) -> Claim | None:
    """A claim on a new row; None if there is a row for the key already."""
    lease = leases.new_claim(IdempotentRequest, pk=uuid4(), lease=LEASE)
    row = IdempotentRequest(
        pk=lease.pk,
        workspace_id=caller.workspace_id,
        is_test=caller.is_test,
        key=key,
        request_sha256=request_sha256,
        **lease.fresh_lease(),
    )
    return Claim(lease) if insert_row(row) else None


def _found(caller: ApiKey, key: str, request_sha256: str) -> Claim | StoredAnswer | None:
    """What an earlier request with the key left; None if it is still running, or was refused just now."""
    row = IdempotentRequest.objects.filter(workspace=caller.workspace_id, is_test=caller.is_test, key=key).first()
    if row is not None and row.created_at <= timezone.now() - KEPT:
        IdempotentRequest.objects.filter(pk=row.pk).delete()
        return _created(caller, key, request_sha256)
    return None if row is None else _looked_at(row, request_sha256)


def _looked_at(row: IdempotentRequest, request_sha256: str) -> Claim | StoredAnswer | None:
    if row.request_sha256 != request_sha256:
        message = _(
            "This Idempotency-Key was used with another request. Nothing was created and no credits moved. Use a new "
            "key for a new request."
        )
        raise ApiError(422, "idempotency_key_reused", message, param=HEADER)
    if row.status is not None:
        return StoredAnswer(status=row.status, body=row.body)
    unfinished = IdempotentRequest.objects.filter(pk=row.pk, status=None)
    bring_back(unfinished, "leased_until", at_most=LEASE)
    # If the row is free, its process died. The submission id stays the same, so a clip it created isn't created twice.
    lease = leases.claim_first(unfinished, lease=LEASE)
    return None if lease is None else Claim(lease)


def in_progress() -> ApiError:
    message = _(
        "The first request with this Idempotency-Key is still running. Nothing more was created. Send it again in a "
        "moment to get the answer."
    )
    return ApiError(409, "idempotency_in_progress", message, param=HEADER, headers={"Retry-After": "1"})
