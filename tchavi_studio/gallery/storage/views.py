"""What takes how much of a workspace's room."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.gallery.queries import valid_scope
from tchavi_studio.generations.visibility import Scope
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .queries import (
    LargestClips,
    largest_clips_for_viewer,
    people_for_viewer,
    sees_everybodys_use,
    storage_for_viewer,
)


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def storage(request: WorkspaceRequest) -> HttpResponse:
    """Quota, use by member, what can be freed, and the largest clips; with `before`, htmx gets just more of those."""
    membership, before = request.membership, request.GET.get("before", "")
    try:
        largest = _largest(request, before)
        if before and request.htmx:
            return render(request, "gallery/storage/_clips_page.html", {"largest": largest})
        use = storage_for_viewer(membership=membership)
        people = people_for_viewer(membership=membership, used_bytes=use.used_bytes, after=request.GET.get("after", ""))
    except ValueError:
        raise BadRequest("There is no such page.") from None
    context = {
        "storage": use,
        "people": people,
        "sees_everybody": sees_everybodys_use(membership),
        "largest": largest,
        "before": before,
    }
    return render(request, "gallery/storage/storage.html", context)


def _largest(request: WorkspaceRequest, before: str) -> LargestClips:
    scope = request.GET.get("scope", "")
    usual = Scope.MINE if request.membership.can(Permission.CREATE) else Scope.WORKSPACE
    chosen = valid_scope(scope) if scope else usual
    return largest_clips_for_viewer(membership=request.membership, scope=chosen, before=before)
