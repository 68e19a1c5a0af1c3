"""What is done to many clips: as a plain form that leads back to its page, and through htmx."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from tchavi_studio.gallery.answers import gallery_url, redirect_back, refused
from tchavi_studio.generations.bulk.actions import bulk_actions
from tchavi_studio.generations.bulk.jobs import JobUnderWayError, hide_job, start_job, stop_job, undo_job
from tchavi_studio.generations.bulk.models import BulkBatch, BulkJob
from tchavi_studio.generations.bulk.queries import job_for_viewer, may_be_undone
from tchavi_studio.generations.bulk.waiting import Cancelled, cancel_waiting_clips
from tchavi_studio.generations.organising.queries import latest_collections
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.site.redirects import return_url
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .reports import job_report
from .selection import SELECTION_FIELDS, NothingSelectedError, read_selection, summary_for_viewer


@require_POST
@never_cache
@workspace_view()
def selected(request: WorkspaceRequest) -> HttpResponse:
    """What the selected clips add up to, for the selection bar."""
    try:
        selection = read_selection(request.POST, user_id=request.user.pk)
    except NothingSelectedError:
        return render(request, "gallery/_selected.html", {"summary": None})
    except UserFacingError as error:
        return refused(request, error.message)
    except ValueError:
        raise BadRequest("There are no such clips.") from None
    summary = summary_for_viewer(selection, membership=request.membership)
    return render(request, "gallery/_selected.html", {"summary": summary})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@vary_on_headers("HX-Request")
@workspace_view(can=Permission.CREATE)
def choose_collection(request: WorkspaceRequest) -> HttpResponse:
    """The collections that the selected clips can be added to: for the bar's menu, or as a page of their own."""
    offered = latest_collections(request.membership)
    if request.htmx:
        return render(request, "gallery/_offered_collections.html", {"offered": offered})
    if request.method != "POST":
        return redirect("gallery:collections", request.workspace.slug)
    fields = [(name, value) for name in SELECTION_FIELDS for value in request.POST.getlist(name)]
    context = {"offered": offered, "fields": fields, "next": return_url(request, default=gallery_url(request))}
    return render(request, "gallery/choose_collection.html", context)


@require_POST
@workspace_view()
def act(request: WorkspaceRequest, name: str) -> HttpResponse:
    """Do something to the selected clips."""
    action = bulk_actions.get(name)
    if action is None:
        raise Http404
    if not request.membership.can(action.permission):
        raise PermissionDenied
    try:
        job = start_job(
            membership=request.membership,
            action=action,
            selection=read_selection(request.POST, user_id=request.user.pk),
            options={name: request.POST.get(name, "") for name in action.option_names},
            # A toast has Undo; without htmx, the card does.
            is_shown=not request.htmx and bool(action.undone_by),
        )
    except UserFacingError as error:
        return refused(request, error.message)
    except ValueError:
        raise BadRequest("There are no such clips.") from None
    return _started(request, job)


def _started(request: WorkspaceRequest, job: BulkJob) -> HttpResponse:
    """Say what a job did; if it runs in the background, show its card."""
    report = job_report(job)
    if not request.htmx:
        if not job.is_shown:
            messages.success(request, report)
        return redirect_back(request)
    context: dict[str, Any] = {"job": job if job.is_shown else None, "text": "" if job.is_shown else report}
    if not job.is_shown:
        if may_be_undone(job):
            context["undo_url"] = reverse("gallery:undo_bulk_job", args=[request.workspace.slug, job.pk])
        batches = BulkBatch.objects.filter(job=job).order_by("number").values_list("clip_ids", flat=True)
        changed = [clip_id for clip_ids in batches for clip_id in clip_ids]
        context |= {"removed": changed if job.action == "delete" else []}
        context |= {"restored": changed if job.action == "restore" else []}
    response = render(request, "gallery/_bulk_done.html", context)
    # The page's script clears its selection.
    return trigger_client_event(response, "selection-done")


# --- Jobs in the background -------------------------------------------------------------------------------------------


def _job(request: WorkspaceRequest, job_id: UUID) -> BulkJob:
    try:
        return job_for_viewer(membership=request.membership, job_id=job_id)
    except BulkJob.DoesNotExist:
        raise Http404 from None


@require_safe
@never_cache
@workspace_view()
def bulk_job(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    """The card of one of the viewer's jobs, as it is now."""
    return render(request, "gallery/_bulk_job.html", {"job": _job(request, job_id)})


def _changed_card(request: WorkspaceRequest, job_id: UUID, change: Callable[..., object]) -> HttpResponse:
    job = _job(request, job_id)
    change(job=job)
    if not request.htmx:
        return redirect_back(request)
    job.refresh_from_db()
    return render(request, "gallery/_bulk_job.html", {"job": job if job.is_shown else None})


@require_POST
@workspace_view()
def stop_bulk_job(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    """Leave a job at what it has done so far."""
    return _changed_card(request, job_id, stop_job)


@require_POST
@workspace_view()
def hide_bulk_job(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    """Take a job's card off the page."""
    return _changed_card(request, job_id, hide_job)


@require_POST
@workspace_view()
def undo_bulk_job(request: WorkspaceRequest, job_id: UUID) -> HttpResponse:
    """Change back exactly what a job changed."""
    job = _job(request, job_id)
    action = bulk_actions.get(bulk_actions[job.action].undone_by)
    if action is None:
        raise Http404
    if not request.membership.can(action.permission):
        raise PermissionDenied
    try:
        undone = undo_job(membership=request.membership, job=job)
    except JobUnderWayError as error:
        return refused(request, error.message)
    hide_job(job=job)
    return _started(request, undone)


# --- Cancel what waits ------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def cancel_waiting(request: WorkspaceRequest) -> HttpResponse:
    """Cancel and refund everything of the viewer's that still waits."""
    text = _cancelled_text(cancel_waiting_clips(membership=request.membership))
    if request.htmx:
        return render(request, "gallery/_cancelled_waiting.html", {"text": text})
    messages.success(request, text)
    return redirect_back(request)


def _cancelled_text(cancelled: Cancelled) -> str:
    """Such as "12 clips cancelled, 15,600 credits refunded. 2 had begun already." """
    numbers = {
        "count": number_format(cancelled.count),
        "credits": number_format(cancelled.refunded_credits),
        "begun": number_format(cancelled.begun_count),
        "waiting": number_format(cancelled.waiting_count),
    }
    if not cancelled.count:
        sentences = [_("No clip was waiting any more, so nothing changed and no credits moved.")]
    elif cancelled.refunded_credits:
        sentences = [
            ngettext(
                "%(count)s clip cancelled, %(credits)s credits refunded.",
                "%(count)s clips cancelled, %(credits)s credits refunded.",
                cancelled.count,
            )
        ]
    else:
        sentences = [
            ngettext(
                "%(count)s clip cancelled. It was free.", "%(count)s clips cancelled. They were free.", cancelled.count
            )
        ]
    if cancelled.begun_count:
        sentences.append(
            ngettext("%(begun)s had begun already.", "%(begun)s had begun already.", cancelled.begun_count)
        )
    if cancelled.waiting_count:
        sentences.append(
            ngettext(
                "%(waiting)s still waits: cancel again.",
                "%(waiting)s still wait: cancel again.",
                cancelled.waiting_count,
            )
        )
    return " ".join(sentences) % numbers
