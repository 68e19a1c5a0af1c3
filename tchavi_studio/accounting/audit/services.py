"""What audit pages write: who opened them, and who exported heads or started a verification."""

from django.db import transaction
from django.utils import timezone

from tchavi_studio.accounting.integrity.runs import start_run
from tchavi_studio.accounting.models import Origin, VerificationRun
from tchavi_studio.workspaces.activity import Kind, record_activity
from tchavi_studio.workspaces.models import ActivityRow, User, Workspace


def note_opened(*, viewer: User, workspace: Workspace | None) -> None:
    """Write down that somebody opened the audit of a workspace, or of the site (None): once a day for each viewer."""
    rows = ActivityRow.objects.filter(workspace=workspace, actor=viewer, kind=Kind.AUDIT_OPENED)
    last = rows.order_by("-sequence").values_list("created_at", flat=True).first()
    if last is None or timezone.localdate(last) != timezone.localdate():
        record_activity(workspace=workspace, kind=Kind.AUDIT_OPENED, actor=viewer)


def note_heads_exported(*, viewer: User) -> None:
    """Write down that somebody exported the heads."""
    record_activity(workspace=None, kind=Kind.HEADS_EXPORTED, actor=viewer)


@transaction.atomic
def start_verification(*, viewer: User, is_full: bool) -> VerificationRun:
    """Start a verification for a person. Raises RunUnderWayError."""
    run = start_run(origin=Origin.PERSON, is_full=is_full, by=viewer)
    record_activity(workspace=None, kind=Kind.VERIFICATION_STARTED, actor=viewer, reference=run.pk)
    return run
