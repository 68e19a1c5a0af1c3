"""Notices: what a person is told of, in the page and by mail, and which of it they want."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from tchavi_studio.runtime.leases import LeasedModel
from tchavi_studio.workspaces.models import Workspace


class NoticeKind(models.TextChoices):
    """What a notice is about. The label is for the preferences; `texts.py` has the sentences."""

    CLIP_DONE = "clip_done", _("A clip is done")
    CLIP_FAILED = "clip_failed", _("A clip failed")
    APPROVAL_ASKED = "approval_asked", _("Somebody asks for approval")
    APPROVAL_ANSWERED = "approval_answered", _("Your request was answered")
    INVITATION = "invitation", _("You are invited to a workspace")
    BUDGET_80 = "budget_80", _("A monthly budget is 80% spent")
    BUDGET_100 = "budget_100", _("A monthly budget is used up")
    LOW_BALANCE = "low_balance", _("Credits are running low")
    LEDGER_FINDINGS = "ledger_findings", _("The ledger's verification found something")


DETAILS: dict[str, frozenset[str]] = {
    NoticeKind.CLIP_DONE: frozenset({"model", "duration_seconds"}),
    NoticeKind.CLIP_FAILED: frozenset({"model", "duration_seconds", "refunded_credits"}),
    NoticeKind.APPROVAL_ASKED: frozenset({"price_credits", "clip_count"}),
    NoticeKind.APPROVAL_ANSWERED: frozenset({"is_approved", "price_credits", "clip_count"}),
    NoticeKind.INVITATION: frozenset({"role"}),
    # Of whose budget is the notice's `actor`; without one, it is the reader's own.
    NoticeKind.BUDGET_80: frozenset({"spent_credits", "budget_credits"}),
    NoticeKind.BUDGET_100: frozenset({"spent_credits", "budget_credits"}),
    NoticeKind.LOW_BALANCE: frozenset({"balance_credits"}),
    NoticeKind.LEDGER_FINDINGS: frozenset({"finding_count"}),
}
"""What the sentence of each kind needs. Nobody's words, names or addresses: those go when their person does."""

OF_THE_SITE = frozenset({NoticeKind.LEDGER_FINDINGS})
"""What only site admins and site auditors are told of."""


class Notice(LeasedModel):
    """Something that one person is told once.

    `actor` is who did it, or whom it is about. `reference` is the id of the object that it leads to. Two notices of a
    kind to the same person never share a `dedupe_key`, unless it is "". `is_listed` is False if the person only wants
    the mail. `mail_at` is when it is to be mailed, None if it isn't, or no more; notices that went in one mail share
    `mailed_at`.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=NoticeKind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    reference = models.UUIDField(null=True)
    details = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=100, blank=True)
    is_listed = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    seen_at = models.DateTimeField(null=True)
    mail_at = models.DateTimeField(null=True)
    mail_attempt_count = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            *LeasedModel.Meta.constraints,
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"),
            models.CheckConstraint(condition=Q(mail_at__isnull=True) | Q(mailed_at__isnull=True), name="mailed_once"),
            models.CheckConstraint(condition=Q(is_listed=True) | Q(seen_at__isnull=False), name="unlisted_is_seen"),
            models.UniqueConstraint(
                fields=["user", "kind", "dedupe_key"], condition=~Q(dedupe_key=""), name="one_notice_per_event"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-id"], name="notices_of_person"),
            models.Index(fields=["user", "-id"], condition=Q(seen_at__isnull=True), name="notices_unseen"),
            models.Index(fields=["mail_at", "id"], condition=Q(mail_at__isnull=False), name="notices_to_mail"),
            models.Index(
                fields=["user", "mail_at", "id"], condition=Q(mail_at__isnull=False), name="notices_to_mail_person"
            ),
            models.Index(fields=["leased_by"], condition=Q(leased_by__isnull=False), name="notices_leased"),
            models.Index(F("user"), F("mailed_at").desc(), condition=Q(mailed_at__isnull=False), name="notices_mailed"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"


class NoticePreference(models.Model):
    """Where a person wants notices of one kind. Without a row they get them in the page and by mail."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notice_preferences", db_index=False
    )
    kind = models.CharField(max_length=20, choices=NoticeKind)
    in_page = models.BooleanField(default=True)
    mail = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind"], name="one_preference_per_kind"),
            models.CheckConstraint(condition=Q(kind__in=NoticeKind.values), name="preference_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"
