"""Writes of notices. `mailing.py` sends those that are to be mailed."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from tchavi_studio.workspaces.models import Invitation, User, Workspace

from .models import DETAILS, Notice, NoticeKind, NoticePreference
from .wakeups import wake_mailing

MAX_PER_PERSON = 500
RETENTION = timedelta(days=90)


def notify(
    *,
    user: User,
    kind: NoticeKind,
    workspace: Workspace | None = None,
    reference: UUID | None = None,
    details: Mapping[str, str | int | bool] | None = None,
    actor: User | None = None,
    dedupe_key: str = "",
    is_mailed_already: bool = False,
) -> None:
    """Tell a person of something, in the page and by mail, as far as they want to hear of it.

    Call it in the transaction of what they are told, so that both are committed or neither; if several people are told,
    in the order of their ids. `details` has what the kind's sentence needs (see `models.DETAILS`).

    Nobody is told twice of the same: by default, once per kind and `reference`. Something that comes again, such as a
    month's budget, says by its `dedupe_key` when it is another. `is_mailed_already` leaves the mail out: they get one
    of its own.
    """
    assert connection.in_atomic_block, "people are told in the transaction of what they are told"
    if not user.is_active:
        return
    assert set(details or {}) == DETAILS[kind], f"a notice of the kind {kind} needs {sorted(DETAILS[kind])}"
    wanted = NoticePreference.objects.filter(user=user, kind=kind).first() or NoticePreference(user=user, kind=kind)
    is_mailed = wanted.mail and settings.SENDS_MAIL and not is_mailed_already
    if not (wanted.in_page or is_mailed):
        return
    now = timezone.now()
    notice = Notice(
        user=user,
        workspace=workspace,
        kind=kind,
        actor=actor,
        reference=reference,
        details=dict(details or {}),
        dedupe_key=dedupe_key or (str(reference) if reference else ""),
        is_listed=wanted.in_page,
        created_at=now,
        seen_at=None if wanted.in_page else now,
        mail_at=now if is_mailed else None,
    )
    Notice.objects.bulk_create([notice], ignore_conflicts=True)
    if is_mailed:
        transaction.on_commit(wake_mailing)
    transaction.on_commit(lambda: _delete_beyond_bound(user.pk), robust=True)


def _delete_beyond_bound(user_id: int) -> None:
    """Delete the person's notices beyond the newest MAX_PER_PERSON."""
    notices = Notice.objects.filter(user=user_id)
    first_beyond = notices.order_by("-id").values_list("pk", flat=True)[MAX_PER_PERSON : MAX_PER_PERSON + 1]
    for pk in first_beyond:
        notices.filter(pk__lte=pk).delete()


def mark_seen(*, user: User, notice_id: int | None = None) -> int:
    """Note that the viewer has seen one of their notices, or all of them. Returns how many they hadn't."""
    unseen = Notice.objects.filter(user=user, seen_at__isnull=True)
    if notice_id is not None:
        unseen = unseen.filter(pk=notice_id)
    return unseen.update(seen_at=timezone.now())


def set_preference(*, user: User, kind: NoticeKind, in_page: bool, mail: bool) -> None:
    """Choose where the viewer gets notices of this kind from now on."""
    NoticePreference.objects.update_or_create(user=user, kind=kind, defaults={"in_page": in_page, "mail": mail})


def stop_mails(*, user_id: int, kind: NoticeKind) -> None:
    """Mail this person no more notices of this kind. Nothing happens if their account is gone."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        NoticePreference.objects.update_or_create(user=user, kind=kind, defaults={"mail": False})


def delete_old_notices(*, max_count: int = 500) -> int:
    """Delete up to `max_count` notices older than RETENTION, oldest first. Returns how many."""
    old = Notice.objects.filter(created_at__lt=timezone.now() - RETENTION).order_by("created_at")
    oldest = list(old.values_list("pk", flat=True)[:max_count])
    return Notice.objects.filter(pk__in=oldest).delete()[0] if oldest else 0


def delete_notices_of_person(*, user: User, **signal: Any) -> None:
    """Handle the signal `account_deleted`."""
    user.notices.all().delete()
    user.notice_preferences.all().delete()


def notify_of_invitation(*, invitation: Invitation, user: User, **signal: Any) -> None:
    """Handle the signal `person_invited`."""
    notify(
        user=user,
        kind=NoticeKind.INVITATION,
        workspace=invitation.workspace,
        reference=invitation.pk,
        details={"role": invitation.role},
        actor=invitation.inviter,
        is_mailed_already=True,
    )


def wants_invitation_mail(*, user: User, **signal: Any) -> bool:
    """Handle the signal `invitation_mailed`."""
    return not user.notice_preferences.filter(kind=NoticeKind.INVITATION, mail=False).exists()


def see_ended_invitation(*, invitation: Invitation, users: Iterable[User], **signal: Any) -> None:
    """Handle the signal `invitation_ended`."""
    settle(users=users, kind=NoticeKind.INVITATION, reference=invitation.pk)


def settle(*, users: Iterable[User], kind: NoticeKind, reference: UUID) -> None:
    """Take what these people were asked off their bells and out of the mail: somebody has answered it."""
    asked = Notice.objects.filter(user__in=list(users), kind=kind, dedupe_key=str(reference))
    asked.filter(seen_at=None).update(seen_at=timezone.now(), mail_at=None)
