"""The pages of collections, and what is done to them there."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.gallery.answers import redirect_back, refused, told
from tchavi_studio.generations.models import Collection, CollectionItem, LibraryEntry
from tchavi_studio.generations.organising.collections import (
    Place,
    choose_cover,
    create_collection,
    delete_collection,
    describe_collection,
    drop_clip,
    move_clip,
    move_clip_beside,
)
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .queries import collection_page, collections_page


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def collection_list(request: WorkspaceRequest) -> HttpResponse:
    """The workspace's collections. With `before`, htmx gets just the next ones."""
    before = request.GET.get("before", "")
    try:
        page = collections_page(request.membership, before=before)
    except (ValueError, OverflowError):
        raise BadRequest("There is no such page.") from None
    is_part = before and request.htmx
    template = "gallery/collections/_list_page.html" if is_part else "gallery/collections/list.html"
    return render(request, template, {"page": page})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def collection(request: WorkspaceRequest, collection_id: int) -> HttpResponse:
    """A collection's clips, in its order. With `after`, htmx gets just the next ones."""
    after = request.GET.get("after", "")
    try:
        page = collection_page(request.membership, collection_id, after=after)
    except ValueError:
        raise BadRequest("There is no such page.") from None
    except Collection.DoesNotExist:
        raise Http404 from None
    is_part = after and request.htmx
    template = "gallery/collections/_clips_page.html" if is_part else "gallery/collections/collection.html"
    return render(request, template, {"page": page, "collection": page.collection})


@require_POST
@workspace_view(can=Permission.CREATE)
def create(request: WorkspaceRequest) -> HttpResponse:
    """Make an empty collection, and show it."""
    try:
        made = create_collection(membership=request.membership, name=request.POST.get("name", ""))
    except UserFacingError as error:
        return refused(request, error.message)
    return redirect("gallery:collection", request.workspace.slug, made.pk)


@require_POST
@workspace_view(can=Permission.CREATE)
def describe(request: WorkspaceRequest, collection_id: int) -> HttpResponse:
    """Give a collection another name and description."""
    name, description = request.POST.get("name", ""), request.POST.get("description", "")
    act = partial(describe_collection, collection_id=collection_id, name=name, description=description)
    return _change(request, act) or redirect("gallery:collection", request.workspace.slug, collection_id)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_view(can=Permission.CREATE)
def delete(request: WorkspaceRequest, collection_id: int) -> HttpResponse:
    """Ask whether to delete a collection, or do it."""
    if request.method == "POST":
        problem = _change(request, partial(delete_collection, collection_id=collection_id))
        if problem:
            return problem
        messages.success(request, _("The collection is deleted. Its clips are still there."))
        return redirect("gallery:collections", request.workspace.slug)
    try:
        page = collection_page(request.membership, collection_id)
    except Collection.DoesNotExist:
        raise Http404 from None
    return render(request, "gallery/collections/delete.html", {"collection": page.collection})


# --- Its clips --------------------------------------------------------------------------------------------------------


@require_POST
@workspace_view(can=Permission.CREATE)
def cover(request: WorkspaceRequest, collection_id: int, generation_id: UUID) -> HttpResponse:
    """Let a clip stand for the collection."""
    act = partial(choose_cover, collection_id=collection_id, generation_id=generation_id)
    return _change(request, act) or told(request, _("This clip is the collection's cover now."))


@require_POST
@workspace_view(can=Permission.CREATE)
def drop(request: WorkspaceRequest, collection_id: int, generation_id: UUID) -> HttpResponse:
    """Take a clip out of the collection."""
    act = partial(drop_clip, collection_id=collection_id, generation_id=generation_id)
    if problem := _change(request, act):
        return problem
    text = _("Taken out of the collection. The clip is still in the gallery.")
    if request.htmx:
        return render(request, "gallery/collections/_dropped.html", {"generation_id": generation_id, "text": text})
    return told(request, text)


@require_POST
@workspace_view(can=Permission.CREATE)
def move(request: WorkspaceRequest, collection_id: int, generation_id: UUID) -> HttpResponse:
    """Move a clip to a `place`, or `before` or `after` another one. A script has moved its card already."""
    side = next((name for name in ("before", "after") if request.POST.get(name)), "")
    try:
        if side:
            other_id = UUID(hex=request.POST[side])
            act: Callable[..., object] = partial(move_clip_beside, other_id=other_id, is_after=side == "after")
        else:
            act = partial(move_clip, place=Place(request.POST.get("place", "")))
    except ValueError:
        raise BadRequest("There is no such place.") from None
    if problem := _change(request, partial(act, collection_id=collection_id, generation_id=generation_id)):
        return problem
    return HttpResponse(status=HTTPStatus.NO_CONTENT) if request.htmx else redirect_back(request)


def _change(request: WorkspaceRequest, act: Callable[..., object]) -> HttpResponse | None:
    """Do something to a collection. Returns why not, if it is refused."""
    try:
        act(membership=request.membership)
    except (Collection.DoesNotExist, CollectionItem.DoesNotExist, LibraryEntry.DoesNotExist):
        raise Http404 from None
    except UserFacingError as error:
        return refused(request, error.message)
    return None
