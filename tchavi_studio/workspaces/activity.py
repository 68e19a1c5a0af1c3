"""Activity: who did what, written in the same transaction as the act, append-only and chained like the ledger.

Version 1 of a row's hash covers exactly these members (see `tchavi_studio.records.chain` for how): `actor` and
`subject` (numeric ids of users, or null), `created_at`, `details`, `kind`, `previous_hash`, `reference` (UUID or null),
`sequence`, `version` (1) and `workspace` (UUID, or null for the site's own activity).
"""

from collections.abc import Mapping
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

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

    WORKSPACE_CREATED = "workspace.created", _("Workspace created")
    WORKSPACE_RENAMED = "workspace.renamed", _("Workspace renamed")
    WORKSPACE_ARCHIVED = "workspace.archived", _("Workspace archived")
    WORKSPACE_UNARCHIVED = "workspace.unarchived", _("Workspace taken out of the archive")
    OWNERSHIP_HANDED_OVER = "workspace.handed_over", _("Ownership handed over")
    SETTINGS_CHANGED = "settings.changed", _("Settings changed")
    MEMBER_INVITED = "invitation.sent", _("Invitation")
    INVITATION_RESENT = "invitation.resent", _("Invitation sent again")
    INVITATION_WITHDRAWN = "invitation.withdrawn", _("Invitation withdrawn")
    MEMBER_JOINED = "member.joined", _("Member joined")
    MEMBER_LEFT = "member.left", _("Member left")
    MEMBER_REMOVED = "member.removed", _("Member removed")
    ROLE_CHANGED = "member.role_changed", _("Role changed")
    BUDGET_CHANGED = "budget.changed", _("Budget changed")
    APPROVAL_ASKED = "approval.asked", _("Approval asked for")
    APPROVAL_GIVEN = "approval.given", _("Approval given")
    APPROVAL_DECLINED = "approval.declined", _("Approval declined")
    CREDITS_GRANTED = "credits.granted", _("Credits granted")
    KEY_CREATED = "key.created", _("API key created")
    KEY_CHANGED = "key.changed", _("API key changed")
    KEY_REVOKED = "key.revoked", _("API key revoked")
    WEBHOOK_CREATED = "webhook.created", _("Webhook created")
    WEBHOOK_CHANGED = "webhook.changed", _("Webhook changed")
    WEBHOOK_DELETED = "webhook.deleted", _("Webhook deleted")
    CLIP_DELETED = "clip.deleted", _("Clip moved to the bin")
    CLIP_RESTORED = "clip.restored", _("Clip restored")
    BIN_EMPTIED = "bin.emptied", _("Bin emptied")
    CLIP_SHARED = "clip.shared", _("Clip shared with the workspace")
    CLIP_UNSHARED = "clip.unshared", _("Clip made private")
    NEW_DEVICE = "person.new_device", _("Sign-in from a new device")
    PERSON_BLOCKED = "person.blocked", _("Person blocked")
    PERSON_UNBLOCKED = "person.unblocked", _("Person unblocked")
    SESSIONS_ENDED = "person.sessions_ended", _("Sessions ended")
    TWO_FACTOR_RESET = "person.two_factor_reset", _("Two-factor authentication reset")
    SITE_ROLE_CHANGED = "person.site_role_changed", _("Site role changed")


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
