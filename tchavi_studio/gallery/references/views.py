"""The list of references, where one was used, and its deletion. How they get here, and into a clip, is `create`'s."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.assets.limits import ACCEPTED_MEDIA
from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.references import FileNeededError, delete_reference
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .queries import ReferenceCard, chosen_scope, reference_for_viewer, references_for_viewer, uses_for_viewer

MAX_SEARCH_LENGTH = 200


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def references(request: WorkspaceRequest) -> HttpResponse:
    """The references of a scope. With `before`, htmx gets just the next ones, and a browser a page starting there."""
    asked = request.GET
    before = request.GET.get("before", "")
    try:
        page = references_for_viewer(
            membership=request.membership,
            scope=chosen_scope(request.membership, asked.get("scope", "")),
            kind=asked.get("kind", ""),
            search=asked.get("q", "").replace("\0", "")[:MAX_SEARCH_LENGTH],
            before=before,
        )
    except ValueError:
        raise BadRequest("There is no such page.") from None
    template = "gallery/references/_page.html" if before and request.htmx else "gallery/references/references.html"
    return render(request, template, {"references": page, "before": before, "accept": ACCEPTED_MEDIA})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def uses(request: WorkspaceRequest, asset_id: UUID) -> HttpResponse:
    """The clips in which a reference was used, those that the viewer sees."""
    reference, before = _reference(request, asset_id), request.GET.get("before", "")
    try:
        page = uses_for_viewer(membership=request.membership, asset=reference.asset, before=before)
    except ValueError:
        raise BadRequest("There is no such page.") from None
    template = "gallery/references/_uses_page.html" if before and request.htmx else "gallery/references/uses.html"
    return render(request, template, {"reference": reference, "uses": page})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_view()
def delete(request: WorkspaceRequest, asset_id: UUID) -> HttpResponse:
    """Ask whether to delete a reference, saying which clips lose it, or do it."""
    reference = _reference(request, asset_id)
    if not reference.may_delete:
        raise PermissionDenied
    if request.method == "POST":
        try:
            delete_reference(asset=reference.asset, membership=request.membership)
        except FileNeededError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("%(name)s is deleted.") % {"name": reference.asset})
        return redirect("references:references", request.workspace.slug)
    return render(request, "gallery/references/delete.html", {"reference": reference})


def _reference(request: WorkspaceRequest, asset_id: UUID) -> ReferenceCard:
    try:
        return reference_for_viewer(membership=request.membership, asset_id=asset_id)
    except Asset.DoesNotExist:
        raise Http404 from None
