"""The studio's people, for site admins: find, block, and change what they may do on the site.

Each act is in the site's own activity. None of them shows or gives away what is in workspaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db import connection, transaction
from django.db.models import BigIntegerField, Expression, F, Value
from django.db.models.functions import Collate, Lower
from django.utils.translation import gettext as _

from tchavi_studio.long_lists import compared
from tchavi_studio.refusals import UserFacingError

from .activity import Kind, record_activity
from .models import Membership, User
from .queries import IN_BYTE_ORDER
from .services import end_other_sessions

PEOPLE_PER_PAGE = 50
KEYS: dict[str, Expression | str] = {"email": "email", "name": Lower("name")}
"""What people can be found by the start of."""
LAST_CHARACTER = "\U0010ffff"


class OwnAccountError(UserFacingError):
    """What a site admin can't do to themselves."""

    def __init__(self) -> None:
        super().__init__(_("You can't do this to your own account. Nothing was changed. Ask another site admin."))


class LastSiteAdminError(UserFacingError):
    """Without this person the studio would have no site admin."""

    def __init__(self) -> None:
        super().__init__(_("This is the only site admin. Nothing was changed. First make somebody else a site admin."))


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """People in the order of what they were searched by; `after` is the id of the last one if more follow."""

    rows: Sequence[User]
    after: int | None


def people_found(*, by: str = "email", search: str = "", after: int | None = None) -> PeoplePage:
    """A page of the studio's people whose `by`, one of KEYS, starts with `search`. Deleted accounts aren't found.

    `after` is the id of the person to go on from.
    """
    key = Collate(KEYS[by], IN_BYTE_ORDER[connection.vendor])
    people = User.objects.filter(deleted_at=None).annotate(key=key)
    found = people.filter(key__gte="").order_by("key", "pk")
    if start := search.strip():
        # Made small by the database, like the names in the index.
        found = found.filter(key__gte=Lower(Value(start)), key__lt=Lower(Value(start + LAST_CHARACTER)))
    if after is not None:
        last = people.filter(pk=after).values_list("key", flat=True).first()
        position = [Value(last or ""), Value(after, output_field=BigIntegerField())]
        found = found.filter(compared([key, F("pk")], ">", position))
    rows = list(found[: PEOPLE_PER_PAGE + 1])
    page = rows[:PEOPLE_PER_PAGE]
    return PeoplePage(rows=page, after=page[-1].pk if len(rows) > len(page) else None)


MAX_WORKSPACES = 50


def memberships_of(person: User) -> tuple[list[Membership], bool]:
    """The first MAX_WORKSPACES workspaces that a person joined, with their roles, and whether there are more."""
    joined = list(person.memberships.select_related("workspace").order_by("pk")[: MAX_WORKSPACES + 1])
    return joined[:MAX_WORKSPACES], len(joined) > MAX_WORKSPACES


def has_second_factor(person: User) -> bool:
    """Whether the person has set up two-factor authentication."""
    return bool(Authenticator.objects.filter(user=person).exists())


@transaction.atomic
def block_person(*, person: User, admin: User, reason: str) -> None:
    """Keep somebody out: their sessions end and their API keys stop at once. What they made stays.

    Raises OwnAccountError, LastSiteAdminError.
    """
    if person == admin:
        raise OwnAccountError
    locked = _lock(person)
    if not locked.is_active:
        return
    _require_another_admin(locked)
    _change(locked, is_active=False)
    end_other_sessions(user=locked, kept_key=None)
    record_activity(workspace=None, kind=Kind.PERSON_BLOCKED, actor=admin, subject=locked, details={"reason": reason})


@transaction.atomic
def unblock_person(*, person: User, admin: User) -> None:
    """Let somebody in again; they have to sign in. Their API keys work again."""
    locked = _lock(person)
    if locked.is_active:
        return
    _change(locked, is_active=True)
    record_activity(workspace=None, kind=Kind.PERSON_UNBLOCKED, actor=admin, subject=locked)


@transaction.atomic
def end_sessions_of(*, person: User, admin: User) -> int:
    """Sign somebody out everywhere; returns of how many sessions."""
    count = end_other_sessions(user=person, kept_key=None)
    record_activity(workspace=None, kind=Kind.SESSIONS_ENDED, actor=admin, subject=person, details={"count": count})
    return count


@transaction.atomic
def reset_second_factor(*, person: User, admin: User, reason: str) -> bool:
    """Delete somebody's two-factor authentication, because they lost it; False if they had none.

    Raises OwnAccountError: a site admin's own is theirs to turn off, with their password.
    """
    if person == admin:
        raise OwnAccountError
    if not Authenticator.objects.filter(user=person).delete()[0]:
        return False
    record_activity(workspace=None, kind=Kind.TWO_FACTOR_RESET, actor=admin, subject=person, details={"reason": reason})
    return True


@transaction.atomic
def change_site_roles(*, person: User, admin: User, is_admin: bool, is_auditor: bool) -> None:
    """Make somebody a site admin or a site auditor, or no longer. Raises LastSiteAdminError."""
    locked = _lock(person)
    old = {"admin": locked.is_staff, "auditor": locked.is_site_auditor}
    new = {"admin": is_admin, "auditor": is_auditor}
    if old == new:
        return
    if not is_admin:
        _require_another_admin(locked)
    _change(locked, is_staff=is_admin, is_superuser=is_admin, is_site_auditor=is_auditor)
    details = {f"{time}_{role}": value for time, roles in (("old", old), ("new", new)) for role, value in roles.items()}
    record_activity(workspace=None, kind=Kind.SITE_ROLE_CHANGED, actor=admin, subject=locked, details=details)


def _lock(person: User) -> User:
    """The person as they are now. Site admins are locked in the same order by everybody, and before anybody else."""
    list(User.objects.select_for_update().filter(is_staff=True, is_active=True).order_by("pk").values_list("pk"))
    return User.objects.select_for_update().get(pk=person.pk, deleted_at=None)


def _require_another_admin(person: User) -> None:
    others = User.objects.filter(is_staff=True, is_active=True).exclude(pk=person.pk)
    if person.is_staff and not others.exists():
        raise LastSiteAdminError


def _change(person: User, **changes: bool) -> None:
    for name, value in changes.items():
        setattr(person, name, value)
    person.save(update_fields=list(changes))
