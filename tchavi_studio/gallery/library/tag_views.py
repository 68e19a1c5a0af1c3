"""The workspace's tags, each as a filter of a list of the gallery."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.generations.organising.tags import MAX_TAGS
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .address import read_browse
from .filter_menus import tag_choices

MAX_OFFERED = 50
"""As many are in the menu; the page has all, and `tag:name` finds them."""


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def tag_list(request: WorkspaceRequest) -> HttpResponse:
    """All tags as links to the list of the page's query with that filter; for htmx, the first ones for its menu."""
    browse = read_browse(request.GET, user_id=request.user.pk)
    max_count = MAX_OFFERED + 1 if request.htmx else MAX_TAGS
    found = tag_choices(request.membership, browse, max_count=max_count)
    if not request.htmx:
        return render(request, "gallery/tags.html", {"choices": found, "browse": browse})
    context = {"choices": found[:MAX_OFFERED], "has_more": len(found) > MAX_OFFERED, "browse": browse}
    return render(request, "gallery/_tag_items.html", context)
