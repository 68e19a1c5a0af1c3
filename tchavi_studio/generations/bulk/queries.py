"""Reads on a person's own jobs."""

from uuid import UUID

from tchavi_studio.workspaces.models import Membership

from .actions import bulk_actions
from .models import BulkJob


def job_for_viewer(*, membership: Membership, job_id: UUID) -> BulkJob:
    """One of the viewer's own jobs in this workspace. Raises BulkJob.DoesNotExist."""
    return BulkJob.objects.get(workspace=membership.workspace_id, user=membership.user_id, pk=job_id)


def shown_job(membership: Membership) -> BulkJob | None:
    """The viewer's latest job whose card belongs on their gallery."""
    shown = BulkJob.objects.filter(workspace=membership.workspace_id, user=membership.user_id, is_shown=True)
    return shown.order_by("-created_at", "-id").first()


def may_be_undone(job: BulkJob) -> bool:
    """Whether the job changed something that nobody has asked to change back."""
    is_undoable = bool(bulk_actions[job.action].undone_by) and job.changed_count > 0
    return is_undoable and not BulkJob.objects.filter(undoes=job.pk).exists()
