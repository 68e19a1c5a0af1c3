"""Writes on API keys."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from tchavi_studio.ledger.services import set_spending_limit
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import User, Workspace

from .models import KEY_PREFIX, TEST_KEY_PREFIX, ApiKey, Scope

PUBLIC_ID_BYTES = 6
SECRET_BYTES = 32
MAX_KEYS_PER_MEMBER = 50
LAST_USED_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class CreatedKey:
    """A new key's row, and the key itself, which can't be shown again."""

    row: ApiKey
    key: str

    def __repr__(self) -> str:
        return f"CreatedKey({self.row})"


class TooManyKeysError(UserFacingError):
    """This person has reached MAX_KEYS_PER_MEMBER keys in this workspace."""

    def __init__(self) -> None:
        super().__init__(
            _("You can have up to %(max)s API keys here. No key was created. Revoke one that you no longer need.")
            % {"max": MAX_KEYS_PER_MEMBER}
        )


@transaction.atomic
def create_key(
    *,
    key_id: UUID | None = None,
    workspace: Workspace,
    user: User,
    name: str,
    is_test: bool = False,
    scope: Scope = Scope.GENERATE,
    expires_at: datetime | None = None,
    monthly_limit_credits: int | None = None,
) -> CreatedKey:
    """Create a key that acts as `user` in `workspace`. It may spend `monthly_limit_credits` a month (None: no limit).

    `key_id` is the row's id, if the caller has one. Raises TooManyKeysError.
    """
    if ApiKey.objects.filter(workspace=workspace, user=user, revoked_at=None).count() >= MAX_KEYS_PER_MEMBER:
        raise TooManyKeysError
    public_id = secrets.token_hex(PUBLIC_ID_BYTES)
    key = f"{TEST_KEY_PREFIX if is_test else KEY_PREFIX}{public_id}{secrets.token_urlsafe(SECRET_BYTES)}"
    row = ApiKey.objects.create(
        id=key_id or uuid4(),
        workspace=workspace,
        user=user,
        name=name,
        is_test=is_test,
        scope=scope,
        public_id=public_id,
        secret_sha256=digest(key),
        expires_at=expires_at,
    )
    # A test key spends nothing.
    if monthly_limit_credits is not None and not is_test:
        set_spending_limit(workspace=workspace, limit_credits=monthly_limit_credits, key_id=row.pk)
    _record(Kind.KEY_CREATED, row, actor=user)
    return CreatedKey(row=row, key=key)


def digest(key: str) -> str:
    """The digest stored for a key. The secret has 256 random bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


@transaction.atomic
def revoke_key(*, key: ApiKey, actor: User | None) -> None:
    """Revoke a key immediately and permanently. Jobs that it started continue."""
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        _record(Kind.KEY_REVOKED, key, actor=actor)


def _record(kind: Kind, key: ApiKey, *, actor: User | None) -> None:
    record_activity(
        workspace=key.workspace,
        kind=kind,
        actor=actor,
        subject=key.user,
        reference=key.pk,
        details={"name": key.name, "is_test": key.is_test},
    )


def delete_keys_of_person(*, user: User, **signal: Any) -> None:
    """Handle the signal `account_deleted`. Jobs that the keys started continue."""
    ApiKey.objects.filter(user=user).delete()


def revoke_keys_of_member(*, workspace: Workspace, user: User, **signal: Any) -> None:
    """Handle the signal `membership_ended`: keys stay revoked if the person comes back. Jobs they started continue."""
    ApiKey.objects.filter(workspace=workspace, user=user, revoked_at=None).update(revoked_at=timezone.now())


def note_use(*, key: ApiKey) -> bool:
    """Record that the key was used, to the minute, so that most requests need no write. Returns whether this did."""
    now = timezone.now()
    if key.last_used_at is not None and key.last_used_at > now - LAST_USED_RESOLUTION:
        return False
    stale = Q(last_used_at=None) | Q(last_used_at__lte=now - LAST_USED_RESOLUTION)
    return ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now) == 1
