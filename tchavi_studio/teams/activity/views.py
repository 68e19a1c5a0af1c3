"""A workspace's activity: who did what, as a page and as a file."""

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from tchavi_studio.site.downloads import in_active_language, only_download
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .export import FORMATS
from .forms import KIND_CHOICES, ActivityQuery
from .queries import activity_of, activity_page, all_of, lines_for, people_to_filter_by


def _query(request: WorkspaceRequest) -> ActivityQuery:
    query = ActivityQuery(request.GET)
    if not query.is_valid():
        raise BadRequest("There is no such page.")
    return query


@require_safe
@never_cache
@workspace_view(can=Permission.AUDIT)
def activity(request: WorkspaceRequest) -> HttpResponse:
    """Who did what in this workspace, latest first, by person, kind and days."""
    query = _query(request)
    rows, before = activity_page(activity_of(request.workspace, query.wanted), before=query.cleaned_data["before"])
    filters = request.GET.copy()
    filters.pop("before", None)
    context = {
        "lines": lines_for(request.membership, rows),
        "before": before,
        "is_first_page": query.cleaned_data["before"] is None,
        "wanted": query.wanted,
        "kinds": KIND_CHOICES,
        "people": people_to_filter_by(request.workspace, chosen_id=query.wanted.actor_id),
        "filters": filters.urlencode(),
        "formats": list(FORMATS),
    }
    return render(request, "teams/activity/activity.html", context)


@require_safe
@never_cache
@workspace_view(can=Permission.AUDIT)
def export(request: WorkspaceRequest, extension: str) -> HttpResponseBase:
    """All rows that the filters let through, latest first, as a file that is written while it is read."""
    if extension not in FORMATS:
        raise Http404
    content_type, write = FORMATS[extension]
    lines = write(all_of(activity_of(request.workspace, _query(request).wanted)))
    download = only_download(
        user=request.user,
        parts=in_active_language(lines),
        content_type=content_type,
        filename=f"{request.workspace.slug}-activity-{timezone.localdate()}.{extension}",
    )
    if download is None:
        messages.error(request, _("You are already downloading something. Wait until that ends, then try again."))
        return redirect("teams:activity", request.workspace.slug)
    return download
