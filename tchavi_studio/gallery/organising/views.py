"""What can be made of a clip: a favourite, stars, tags, a part of a collection.

Every act works as a plain form, which redirects back, and through htmx, which gets the parts of the page that changed.
"""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.gallery.answers import redirect_back, refused
from tchavi_studio.gallery.queries import cards
from tchavi_studio.generations.models import Collection, Generation, LibraryEntry
from tchavi_studio.generations.organising.collections import collect_clips, collect_in_new
from tchavi_studio.generations.organising.marks import mark_favourite, rate_clip, unmark_favourite
from tchavi_studio.generations.organising.models import MAX_STARS, TAG_MAX_LENGTH
from tchavi_studio.generations.organising.queries import organised_for_viewer, tag_completions
from tchavi_studio.generations.organising.tags import tag_clips, untag_clip
from tchavi_studio.generations.queries import clip_for_viewer
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Membership, Permission

MAX_DIGITS = 19


@require_POST
@workspace_view(can=Permission.COMMENT)
def favourite(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Add a clip to the viewer's favourites."""
    return _act(request, generation_id, mark_favourite)


@require_POST
@workspace_view(can=Permission.COMMENT)
def unfavourite(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a clip out of the viewer's favourites."""
    return _act(request, generation_id, unmark_favourite)


@require_POST
@workspace_view(can=Permission.COMMENT)
def rate(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Give a clip stars, or take them back."""
    stars = request.POST.get("stars", "")
    if stars not in {str(number) for number in range(MAX_STARS + 1)}:
        raise BadRequest("A clip can't have so many stars.")
    return _act(request, generation_id, partial(rate_clip, stars=int(stars)))


@require_POST
@workspace_view(can=Permission.CREATE)
def add_tag(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Tag a clip, with a tag that exists or a new one."""

    def tag(*, membership: Membership, generation_id: UUID) -> None:
        tag_clips(membership=membership, generation_ids=[generation_id], name=request.POST.get("name", ""))

    return _act(request, generation_id, tag)


@require_POST
@workspace_view(can=Permission.CREATE)
def remove_tag(request: WorkspaceRequest, generation_id: UUID, tag_id: int) -> HttpResponse:
    """Take a tag off a clip."""
    return _act(request, generation_id, partial(untag_clip, tag_id=tag_id))


@require_POST
@workspace_view(can=Permission.CREATE)
def collect(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Add a clip to the collection that is chosen, or to a new one of that name."""
    chosen = request.POST.get("collection", "")
    if not (chosen == "" or (chosen.isascii() and chosen.isdigit() and len(chosen) < MAX_DIGITS)):
        raise BadRequest("There is no such collection.")

    def add(*, membership: Membership, generation_id: UUID) -> None:
        if chosen:
            collect_clips(membership=membership, collection_id=int(chosen), generation_ids=[generation_id])
        else:
            name = request.POST.get("name", "")
            collect_in_new(membership=membership, name=name, generation_ids=[generation_id])

    return _act(request, generation_id, add, _("Added to the collection."))


def _act(request: WorkspaceRequest, generation_id: UUID, act: Callable[..., object], done: str = "") -> HttpResponse:
    """Do something to a clip that the viewer sees, and show what people made of it now."""
    try:
        clip_for_viewer(membership=request.membership, generation_id=generation_id)
        act(membership=request.membership, generation_id=generation_id)
    except (Generation.DoesNotExist, LibraryEntry.DoesNotExist, Collection.DoesNotExist):
        raise Http404 from None
    except UserFacingError as error:
        return refused(request, error.message)
    if not request.htmx:
        if done:
            messages.success(request, done)
        return redirect_back(request)
    return _organised(request, generation_id, done)


@require_safe
@never_cache
@workspace_view()
def organised(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """What people made of a clip, for a page that shows an earlier state of it."""
    try:
        return _organised(request, generation_id)
    except Generation.DoesNotExist:
        raise Http404 from None


def _organised(request: WorkspaceRequest, generation_id: UUID, done: str = "") -> HttpResponse:
    clip = clip_for_viewer(membership=request.membership, generation_id=generation_id)
    (card,) = cards([clip], membership=request.membership)
    organised = organised_for_viewer(request.membership, clip.entry)
    context = {"clip": clip, "card": card, "organised": organised, "text": done}
    return render(request, "gallery/_organised.html", context)


@require_safe
@never_cache
@workspace_view(can=Permission.CREATE)
def tags(request: WorkspaceRequest) -> HttpResponse:
    """The tags that what is being typed may become."""
    found = tag_completions(request.membership, request.GET.get("name", request.GET.get("tag", ""))[:TAG_MAX_LENGTH])
    return render(request, "gallery/_tag_options.html", {"tags": found})
