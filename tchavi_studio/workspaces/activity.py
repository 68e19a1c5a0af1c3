"""Activity: who did what, written in the same transaction as the act, append-only and chained like the ledger.

Version 1 of a row's hash covers exactly these members (see `tchavi_studio.records.chain` for how): `actor` and
`subject` (numeric ids of users, or null), `created_at`, `details`, `kind`, `previous_hash`, `reference` (UUID or null),
`sequence`, `version` (1) and `workspace` (UUID, or null for the site's own activity).
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy

from tchavi_studio.records.append_only import AppendOnlyTable, protect
from tchavi_studio.records.chain import canonical_bytes_of, canonical_time, hash_of

from .models import ActivityHead, ActivityRow, User, Workspace

HASH_VERSION = 1

ACTIVITY = protect(
    AppendOnlyTable(
        name="workspaces_activityrow",
        message="activity rows never change or vanish",
        is_same_row=(
            "id = NEW.id OR hash = NEW.hash OR (sequence = NEW.sequence AND workspace_id IS NEW.workspace_id)"
        ),
        since=("workspaces", "0007_activity_is_append_only"),
        watched=("workspaces_activityhead",),
    )
)


class Kind(models.TextChoices):
    """What was done. The label is the filter's; `teams` has the sentences. Each group begins with what it is about."""

    WORKSPACE_CREATED = "workspace.created", gettext_lazy("Workspace created")
    WORKSPACE_RENAMED = "workspace.renamed", gettext_lazy("Workspace renamed")
    WORKSPACE_ARCHIVED = "workspace.archived", gettext_lazy("Workspace archived")
    WORKSPACE_UNARCHIVED = "workspace.unarchived", gettext_lazy("Workspace taken out of the archive")
    OWNERSHIP_HANDED_OVER = "workspace.handed_over", gettext_lazy("Ownership handed over")
    SETTINGS_CHANGED = "settings.changed", gettext_lazy("Settings changed")
    MEMBER_INVITED = "invitation.sent", gettext_lazy("Invitation")
    INVITATION_RESENT = "invitation.resent", gettext_lazy("Invitation sent again")
    INVITATION_WITHDRAWN = "invitation.withdrawn", gettext_lazy("Invitation withdrawn")
    MEMBER_JOINED = "member.joined", gettext_lazy("Member joined")
    MEMBER_LEFT = "member.left", gettext_lazy("Member left")
    MEMBER_REMOVED = "member.removed", gettext_lazy("Member removed")
    ROLE_CHANGED = "member.role_changed", gettext_lazy("Role changed")
    BUDGET_CHANGED = "budget.changed", gettext_lazy("Budget changed")
    APPROVAL_ASKED = "approval.asked", gettext_lazy("Approval asked for")
    APPROVAL_GIVEN = "approval.given", gettext_lazy("Approval given")
    APPROVAL_DECLINED = "approval.declined", gettext_lazy("Approval declined")
    CREDITS_GRANTED = "credits.granted", gettext_lazy("Credits granted")
    CREDITS_EXPORTED = "credits.exported", gettext_lazy("Credits downloaded")
    KEY_CREATED = "key.created", gettext_lazy("API key created")
    KEY_CHANGED = "key.changed", gettext_lazy("API key changed")
    KEY_REVOKED = "key.revoked", gettext_lazy("API key revoked")
    WEBHOOK_CREATED = "webhook.created", gettext_lazy("Webhook created")
    WEBHOOK_CHANGED = "webhook.changed", gettext_lazy("Webhook changed")
    WEBHOOK_DELETED = "webhook.deleted", gettext_lazy("Webhook deleted")
    CLIP_DELETED = "clip.deleted", gettext_lazy("Clip moved to the bin")
    CLIP_RESTORED = "clip.restored", gettext_lazy("Clip restored")
    BIN_EMPTIED = "bin.emptied", gettext_lazy("Bin emptied")
    CLIP_SHARED = "clip.shared", gettext_lazy("Clip shared with the workspace")
    CLIP_UNSHARED = "clip.unshared", gettext_lazy("Clip made private")
    POSTER_CHOSEN = "clip.poster_chosen", gettext_lazy("Poster chosen")
    NEW_DEVICE = "person.new_device", gettext_lazy("Sign-in from a new device")
    PERSON_BLOCKED = "person.blocked", gettext_lazy("Person blocked")
    PERSON_UNBLOCKED = "person.unblocked", gettext_lazy("Person unblocked")
    SESSIONS_ENDED = "person.sessions_ended", gettext_lazy("Sessions ended")
    TWO_FACTOR_RESET = "person.two_factor_reset", gettext_lazy("Two-factor authentication reset")
    SITE_ROLE_CHANGED = "person.site_role_changed", gettext_lazy("Site role changed")
    AUDIT_OPENED = "audit.opened", gettext_lazy("Audit opened")
    HEADS_EXPORTED = "audit.heads_exported", gettext_lazy("Heads exported")
    VERIFICATION_STARTED = "audit.verification_started", gettext_lazy("Verification started")
    PRICES_CHANGED = "prices.changed", gettext_lazy("Prices changed")


def record_activity(
    *,
    workspace: Workspace | None,
    kind: Kind,
    actor: User | None,
    subject: User | None = None,
    reference: UUID | None = None,
    details: Mapping[str, str | int | bool | list[str] | None] | None = None,
) -> ActivityRow:
    """Write down what was done, as part of the caller's transaction; `workspace` None is the site's own activity.

    Call it last in the transaction, after every other lock: it locks the end of the chain until the commit.
    Neither words of a clip nor e-mail addresses belong in `details`.
    """
    with transaction.atomic():
        scope = workspace.pk.hex if workspace else "site"
        heads = ActivityHead.objects.select_for_update()
        head = heads.filter(pk=scope).first()
        if head is None:
            ActivityHead.objects.bulk_create([ActivityHead(scope=scope)], ignore_conflicts=True)
            head = heads.get(pk=scope)
        now = timezone.now()
        row = ActivityRow(
            workspace=workspace,
            sequence=head.last_sequence + 1,
            kind=kind,
            actor=actor,
            subject=subject,
            reference=reference,
            details=dict(details or {}),
            created_at=max(now, head.last_at) if head.last_at else now,
            hash_version=HASH_VERSION,
            previous_hash=head.last_hash,
        )
        row.hash = row_hash(row)
        row.save(force_insert=True)
        head.last_sequence, head.last_hash, head.last_at = row.sequence, row.hash, row.created_at
        head.save(update_fields=["last_sequence", "last_hash", "last_at"])
    return row


def row_hash(row: ActivityRow) -> str:
    """The hash that a row must have, by what it holds."""
    return hash_of(
        canonical_bytes_of(
            {
                "actor": row.actor_id,
                "created_at": canonical_time(row.created_at),
                "details": row.details,
                "kind": str(row.kind),
                "previous_hash": row.previous_hash,
                "reference": str(row.reference) if row.reference else None,
                "sequence": row.sequence,
                "subject": row.subject_id,
                "version": HASH_VERSION,
                "workspace": str(row.workspace_id) if row.workspace_id else None,
            }
        )
    )
