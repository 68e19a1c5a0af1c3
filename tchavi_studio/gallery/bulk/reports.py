"""What a job on many clips did, in words."""

from django.utils.translation import gettext as _

from tchavi_studio.generations.bulk.actions import bulk_actions, left_text
from tchavi_studio.generations.bulk.models import BulkJob


def job_report(job: BulkJob) -> str:
    """How many clips were changed, and how many were left alone and why."""
    done = bulk_actions[job.action].done(job.changed_count) if job.changed_count else _("Nothing changed.")
    stopped = _("Stopped.") if job.was_stopped else ""
    return " ".join(filter(None, (stopped, done, left_text(job.left_counts))))
