"""The gallery's page."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.gallery.queries import read_page_token
from tchavi_studio.generations.library.models import first_key_at
from tchavi_studio.generations.library.pages import Position, read_position
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .address import Browse, read_browse
from .filter_menus import filter_menus, sort_choices, with_operators
from .queries import library_for_viewer, library_part_for_viewer


@require_safe
@never_cache
@vary_on_headers("HX-Request", "HX-Target")
@workspace_view()
def gallery(request: WorkspaceRequest) -> HttpResponse:
    """A list of clips. With `after`, htmx gets just the next ones, and a browser a whole page starting there."""
    asked = read_browse(request.GET, user_id=request.user.pk)
    browse = with_operators(membership=request.membership, browse=asked)
    address = reverse("gallery:gallery", args=[request.workspace.slug])
    address += f"?{browse.query}" if browse.query else ""
    if browse != asked and not request.htmx:
        return redirect(address)
    after = _position(request, browse)
    if after and request.htmx and request.htmx.target != "feed":
        library = library_part_for_viewer(membership=request.membership, browse=browse, after=after)
        part = "gallery/_rows.html" if browse.is_table else "gallery/_library_part.html"
        return render(request, part, {"library": library, "opened_from": browse.name})
    library = library_for_viewer(membership=request.membership, browse=browse, after=after)
    context = {
        "library": library,
        "feed": library.feed,
        "menus": filter_menus(membership=request.membership, browse=browse),
        "sorts": sort_choices(browse),
        "opened_from": browse.name,
    }
    response = render(request, "gallery/gallery.html", context)
    if browse != asked:
        # What was typed as an operator has become a chip.
        response["HX-Push-Url"] = address
    return response


def _position(request: WorkspaceRequest, browse: Browse) -> Position | None:
    """Where the page starts. Raises BadRequest if that isn't a position."""
    try:
        if after := request.GET.get("after", ""):
            return read_position(after, browse.sort)
        if before := request.GET.get("before", ""):
            # Addresses of an earlier version have a moment and an id.
            moment, _id = read_page_token(before)
            return (first_key_at(moment),) if browse.sort.is_by_time else None
    except (ValueError, OverflowError):
        raise BadRequest("There is no such page.") from None
    return None
