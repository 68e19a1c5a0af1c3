"""How a notice gets into the mail: claimed, sent, settled. Claiming and settling are compare-and-set.

A mail is sent at least once: twice only if a worker dies, or loses its lease, between the mail server's answer and
noting it. People take turns, one mail each. After MAILS_PER_HOUR a person's others wait, and go together in one.
"""

import smtplib
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from tchavi_studio.runtime.leases import RELEASED, Claim, claim_all, free
from tchavi_studio.workspaces.models import Membership

from .mails import mail_of
from .models import Notice, NoticeKind, NoticePreference
from .queries import may_be_told

LEASE = timedelta(seconds=60)
MAILS_PER_HOUR = 6
HOUR = timedelta(hours=1)
RETRY_DELAYS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""The waits after the first, second, … failed attempt; the last one again and again, until GIVE_UP_AFTER."""

GIVE_UP_AFTER = timedelta(days=1)
PERMANENT = 500
"""From here on, a mail server's codes mean that it will never take this mail."""


class Outcome(Enum):
    """What became of a person's turn."""

    SENT = "sent"
    NOTHING_WANTED = "nothing wanted"
    PUT_OFF = "put off"
    REFUSED = "refused"
    SERVER_FAILED = "server failed"


def due_to_mail(now: datetime) -> QuerySet[Notice]:
    """Notices to be mailed at `now` that no worker has taken, longest due first."""
    return Notice.objects.filter(free(now), mail_at__isnull=False, mail_at__lte=now).order_by("mail_at", "id")


def mail_next() -> Outcome | None:
    """Give the person who has waited longest a turn: one mail. None if nothing is due."""
    if not settings.SENDS_MAIL:
        return None
    now = timezone.now()
    due = due_to_mail(now)
    while (user_id := due.values_list("user", flat=True).first()) is not None:
        claim = claim_all(due.filter(user=user_id).order_by(), lease=LEASE)
        if claim is not None:
            return _mail_claimed(claim, now)
    return None


def _mail_claimed(claim: Claim[Notice], now: datetime) -> Outcome:
    notices = list(claim.rows.select_related("user", "workspace", "actor").order_by("id"))
    wanted = _still_wanted(notices, now)
    unwanted = [notice.pk for notice in notices if notice not in wanted]
    claim.rows.filter(pk__in=unwanted).update(mail_at=None, **RELEASED)
    if not wanted:
        return Outcome.NOTHING_WANTED
    user = wanted[0].user
    recent = user.notices.filter(mailed_at__gt=now - HOUR).order_by("-mailed_at").values_list("mailed_at", flat=True)
    mails = [at for at in recent.distinct()[:MAILS_PER_HOUR] if at is not None]
    if len(mails) == MAILS_PER_HOUR:
        claim.rows.update(mail_at=mails[-1] + HOUR, **RELEASED)
        return Outcome.PUT_OFF
    # The hour's last mail is for all that wait.
    told = wanted if len(mails) == MAILS_PER_HOUR - 1 else wanted[:1]
    mail = mail_of(told[0], more_count=len(told) - 1)
    if not claim.renew():
        return Outcome.PUT_OFF
    try:
        mail.send()
    except smtplib.SMTPRecipientsRefused as refused:
        is_final = all(code >= PERMANENT for code, _reason in refused.recipients.values())
        return _settle_refused(claim, told) if is_final else _settle_failed(claim, wanted, now)
    except smtplib.SMTPDataError as refused:
        is_final = refused.smtp_code >= PERMANENT
        return _settle_refused(claim, told) if is_final else _settle_failed(claim, wanted, now)
    except OSError:  # the base class of smtplib's errors
        return _settle_failed(claim, wanted, now)
    _settle(claim, told, mailed_at=timezone.now())
    return Outcome.SENT


def _still_wanted(notices: list[Notice], now: datetime) -> list[Notice]:
    """Those that their person hasn't seen in the page, or turned off, or lost the right to, since they were written."""
    user = notices[0].user
    if not user.is_active:
        return []
    turned_off = set(NoticePreference.objects.filter(user=user, mail=False).values_list("kind", flat=True))
    workspaces = {notice.workspace_id for notice in notices}
    joined = set(Membership.objects.filter(user=user, workspace__in=workspaces).values_list("workspace", flat=True))
    return [
        notice
        for notice in notices
        if notice.created_at > now - GIVE_UP_AFTER
        and notice.kind not in turned_off
        and not (notice.is_listed and notice.seen_at)
        and may_be_told(user, notice.kind)
        and (notice.kind == NoticeKind.INVITATION or notice.workspace_id in joined | {None})
    ]


def _settle(claim: Claim[Notice], told: list[Notice], *, mailed_at: datetime | None) -> None:
    """Record that a mail was sent, or never can be, and give the person's other notices back for their next turn."""
    with transaction.atomic():
        claim.rows.filter(pk__in=[notice.pk for notice in told]).update(mail_at=None, mailed_at=mailed_at, **RELEASED)
        claim.rows.update(mail_at=timezone.now(), **RELEASED)


def _settle_refused(claim: Claim[Notice], told: list[Notice]) -> Outcome:
    _settle(claim, told, mailed_at=None)
    return Outcome.REFUSED


def _settle_failed(claim: Claim[Notice], wanted: list[Notice], now: datetime) -> Outcome:
    attempt_count = max(notice.mail_attempt_count for notice in wanted) + 1
    delay = RETRY_DELAYS[min(attempt_count, len(RETRY_DELAYS)) - 1]
    claim.rows.update(mail_at=now + delay, mail_attempt_count=attempt_count, **RELEASED)
    return Outcome.SERVER_FAILED
