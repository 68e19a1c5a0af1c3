"""Pages of clips, the clip page, and actions on a clip.

Every action works as a plain form, which redirects back to the page it was sent from, and through htmx, which gets the
parts of the page that changed. Parts carry `hx-swap-oob`; static/js/cards.js drops those the page doesn't have.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.assets.serving import media_response
from tchavi_studio.assets.signing import Variant
from tchavi_studio.generations.approvals import (
    RequestEndedError,
    dismiss_request,
    request_of_asker,
    withdraw_request,
)
from tchavi_studio.generations.models import ApprovalRequest, DiscardKind, Generation
from tchavi_studio.generations.queries import Cursor, clip_for_viewer, freed_by, nothing_to_tell, read_microseconds
from tchavi_studio.generations.services import (
    NotAFailureError,
    NotCancellableError,
    StillOpenError,
    cancel_generation,
    delete_clip,
    discard,
    dismiss_failure,
    restore_clip,
    share_clip,
    unshare_clip,
)
from tchavi_studio.generations.visibility import Scope, files_visible_to, may_act_on, may_remove
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission, User

from .answers import redirect_back, refused
from .file_names import clip_file_name
from .library.address import read_browse
from .library.queries import listing_of, place_in_list
from .queries import (
    Changes,
    bin_page_for_viewer,
    cards,
    changes_for_viewer,
    clip_detail_for_viewer,
    feed_for_viewer,
    older_cards_for_viewer,
    valid_scope,
    watch_for_viewer,
)
from .requests import request_cards

DOWNLOAD_MAX_AGE_SECONDS = 3600
MAX_MARKED = 50
"""As many clips that were marked in other tabs are told of at once."""

MEDIA_MAX_AGE_SECONDS = 7 * 24 * 3600
"""How long a browser may cache a file. What an asset's URL shows never changes."""

# --- Pages ------------------------------------------------------------------------------------------------------------


def feed_context(request: WorkspaceRequest) -> dict[str, Any]:
    """The context of `gallery/_feed.html` and `gallery/_started.html`: the clips that the page's query asks for."""
    page = request.GET
    if request.method == "POST" and request.htmx and request.htmx.current_url:
        page = QueryDict(urlsplit(request.htmx.current_url).query)
    scope, show = valid_scope(page.get("scope", "")), page.get("show", "all")
    return {"feed": feed_for_viewer(membership=request.membership, scope=scope, show=show)}


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def older(request: WorkspaceRequest) -> HttpResponse:
    """The next cards of a feed of latest clips. A browser without htmx goes on in the gallery."""
    if not request.htmx:
        gallery_url = reverse("gallery:gallery", args=[request.workspace.slug])
        return redirect(f"{gallery_url}?{request.GET.urlencode()}")
    try:
        feed = older_cards_for_viewer(
            membership=request.membership,
            scope=valid_scope(request.GET.get("scope", "")),
            show=request.GET.get("show", "all"),
            before=request.GET.get("before", ""),
        )
    except ValueError:
        raise BadRequest("There is no such page.") from None
    return render(request, "gallery/_page.html", {"feed": feed})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def bin_page(request: WorkspaceRequest) -> HttpResponse:
    """The viewer's deleted clips, until they are permanently deleted."""
    before = request.GET.get("before", "")
    try:
        binned = bin_page_for_viewer(membership=request.membership, before=before)
    except ValueError:
        raise BadRequest("There is no such page.") from None
    template = "gallery/_bin_page.html" if before and request.htmx else "gallery/bin.html"
    return render(request, template, {"binned": binned, "bin_days": request.workspace.days_in_bin})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def clip(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """One clip: a whole page, or for htmx just its contents, shown in a dialog over the grid; or its next children.

    `in` is the query of the list that it was opened from.
    """
    # Read the cursor first, so that a change in between is reported twice rather than never.
    children = request.GET.get("children", "")
    watch = None if request.htmx else watch_for_viewer(membership=request.membership)
    try:
        detail = clip_detail_for_viewer(membership=request.membership, generation_id=generation_id, children=children)
    except Generation.DoesNotExist:
        raise Http404 from None
    except ValueError:
        raise BadRequest("There is no such page.") from None
    found = detail.card.clip
    context = {"detail": detail, "clip": found, "card": detail.card, "feed": watch, "place": None}
    if request.htmx and children:
        return render(request, "gallery/_children.html", context)
    if opened_from := request.GET.get("in", ""):
        browse = read_browse(QueryDict(opened_from), user_id=request.user.pk)
        context["place"] = place_in_list(found.entry, membership=request.membership, browse=browse)
    return render(request, "gallery/_clip_in_dialog.html" if request.htmx else "gallery/clip.html", context)


@require_safe
@workspace_view()
def media(request: WorkspaceRequest, asset_id: UUID, variant: str) -> HttpResponseBase:
    """A file that the viewer may open: a reference, or a clip, in one of its variants."""
    try:
        wanted = Variant(variant)
    except ValueError:
        raise Http404 from None
    asset = get_object_or_404(files_visible_to(request.membership), pk=asset_id)
    return media_response(request, asset, wanted, max_age_seconds=MEDIA_MAX_AGE_SECONDS)


@require_safe
@workspace_view()
def download(request: WorkspaceRequest, generation_id: UUID) -> HttpResponseBase:
    """The clip's file, named after its prompt."""
    clip = viewed_clip(request, generation_id)
    if clip.output is None:
        raise Http404
    return media_response(
        request,
        clip.output,
        Variant.FILE,
        max_age_seconds=DOWNLOAD_MAX_AGE_SECONDS,
        download_name=clip_file_name(clip),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_view(can=Permission.CREATE)
def empty_bin(request: WorkspaceRequest) -> HttpResponse:
    """Ask whether to empty the viewer's bin, or do it."""
    return _discard(request, DiscardKind.BIN, _("The bin is being emptied. Its storage is free in a moment."))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_view(can=Permission.CREATE)
def delete_unused(request: WorkspaceRequest) -> HttpResponse:
    """Ask whether to delete the viewer's references that no clip uses, or do it."""
    return _discard(request, DiscardKind.FILES, _("Unused files are being deleted. Their storage is free in a moment."))


def _discard(request: WorkspaceRequest, kind: DiscardKind, done: str) -> HttpResponse:
    if request.method == "POST":
        discard(membership=request.membership, kind=kind)
        messages.success(request, done)
        return redirect("gallery:bin", request.workspace.slug)
    freed = freed_by(kind, membership=request.membership)
    return render(request, "gallery/discard.html", {"kind": kind.value, "freed": freed})


# --- What changed -----------------------------------------------------------------------------------------------------


UpdatesView = Callable[[HttpRequest, str], HttpResponseBase]


def answered_at_once(view: UpdatesView) -> UpdatesView:
    """Answer the polls that have nothing to learn before anything else is read, even the membership: most polls."""

    @wraps(view)
    def answer(request: HttpRequest, workspace_slug: str) -> HttpResponseBase:
        # A page that shows places in line, or requests, has to learn of what other people do too.
        has_more_to_ask = any(request.GET.get(name) for name in ("waits", "asks", "marked"))
        if isinstance(request.user, User) and not has_more_to_ask:
            with suppress(ValueError):
                cursor = Cursor.parse(request.GET.get("after", ""))
                scope = _followed_scope(request)
                is_live = scope != Scope.MINE or _is_of_gallery(request)
                waits = partial(nothing_to_tell, user_id=request.user.pk, workspace_slug=workspace_slug)
                if waits(scope=scope, cursor=cursor, is_live=is_live):
                    return HttpResponse(status=HTTPStatus.NO_CONTENT)
        return view(request, workspace_slug)

    return answer


@require_safe
@never_cache
@answered_at_once
@workspace_view()
def updates(request: WorkspaceRequest) -> HttpResponse:
    """Answer the page's poller: out of band, exactly the cards that changed, new ones on top; 204 if none did."""
    try:
        cursor, since = Cursor.parse(request.GET.get("after", "")), read_microseconds(request.GET.get("since", ""))
        marked = [UUID(hex=text) for text in request.GET.get("marked", "").split(".")[:MAX_MARKED] if text]
    except ValueError:
        return HttpResponseBadRequest()
    listing = None
    if _is_of_gallery(request):
        listing = listing_of(request.membership, read_browse(request.GET, user_id=request.user.pk))
    changes = changes_for_viewer(
        membership=request.membership,
        scope=_followed_scope(request),
        # A gallery page has filters of its own.
        show="all" if listing else request.GET.get("show", "all"),
        cursor=cursor,
        since=since,
        waits=request.GET.get("waits", ""),
        asks=request.GET.get("asks", ""),
        listing=listing,
        marked=marked,
    )
    if changes is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {
        "changes": changes,
        "feed": changes.feed,
        "announcement": _announcement(changes),
        "opened_from": listing.name if listing else "",
        "is_table": listing is not None and listing.is_table,
    }
    return render(request, "gallery/_changes.html", context)


def _followed_scope(request: HttpRequest) -> Scope:
    scope = request.GET.get("scope", "")
    return Scope(scope) if scope in set(Scope) else Scope.MINE


def _is_of_gallery(request: HttpRequest) -> bool:
    return request.GET.get("list") == "gallery"


def _announcement(changes: Changes) -> str:
    """What the live region announces: clips that ended, never progress."""
    sentences = []
    if count := len(changes.finished):
        sentences.append(ngettext("Clip finished.", "%(count)d clips finished.", count) % {"count": count})
    if count := len(changes.failed):
        if all(clip.was_charged for clip in changes.failed):
            text = ngettext("Clip failed, credits refunded.", "%(count)d clips failed, credits refunded.", count)
        else:
            text = ngettext("Clip failed.", "%(count)d clips failed.", count)
        sentences.append(text % {"count": count})
    return " ".join(sentences)


# --- Actions on a clip ------------------------------------------------------------------------------------------------


def viewed_clip(request: WorkspaceRequest, generation_id: UUID) -> Generation:
    """The clip that an address names, if the viewer may see it. Raises Http404."""
    try:
        return clip_for_viewer(membership=request.membership, generation_id=generation_id)
    except Generation.DoesNotExist:
        raise Http404 from None


def _own_clip(request: WorkspaceRequest, generation_id: UUID) -> Generation:
    clip = viewed_clip(request, generation_id)
    if not may_act_on(request.membership, clip):
        raise PermissionDenied
    return clip


def removable_clip(request: WorkspaceRequest, generation_id: UUID) -> Generation:
    """The clip, if the viewer may change it for everybody: its creator, or admins. Raises PermissionDenied."""
    clip = viewed_clip(request, generation_id)
    if not may_remove(request.membership, clip):
        raise PermissionDenied
    return clip


def done(request: WorkspaceRequest, generation_id: UUID, text: str = "", *, undo: bool = False) -> HttpResponse:
    """Confirm an action and show the clip as it is now: in place for htmx, otherwise on the page it was sent from."""
    if request.htmx:
        (card,) = cards([viewed_clip(request, generation_id)], membership=request.membership)
        context: dict[str, Any] = {"card": card, "text": text}
        if undo:
            context["undo_url"] = reverse("gallery:restore", args=[request.workspace.slug, generation_id])
        return render(request, "gallery/_done.html", context)
    if text:
        messages.success(request, text)
    return redirect_back(request)


def _gone(request: WorkspaceRequest, clip: Generation, text: str) -> HttpResponse:
    """Confirm an action after which the viewer sees the clip no more."""
    if request.htmx:
        return render(request, "gallery/_gone.html", {"clip": clip, "text": text})
    messages.success(request, text)
    return redirect("gallery:gallery", request.workspace.slug)


@require_POST
@workspace_view(can=Permission.CREATE)
def cancel(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a waiting clip out of the queue and refund it."""
    clip = _own_clip(request, generation_id)
    try:
        cancel_generation(generation=clip)
    except NotCancellableError as error:
        return refused(request, error.message)
    if not clip.was_charged:
        return done(request, generation_id, _("Cancelled. It was free."))
    text = ngettext(
        "Cancelled. %(credits)s credit refunded.", "Cancelled. %(credits)s credits refunded.", clip.price_credits
    )
    return done(request, generation_id, text % {"credits": number_format(clip.price_credits)})


@require_POST
@workspace_view(can=Permission.CREATE)
def dismiss(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Remove a failed clip's card from the feed."""
    try:
        dismiss_failure(generation=_own_clip(request, generation_id))
    except (StillOpenError, NotAFailureError) as error:
        return refused(request, error.message)
    return done(request, generation_id)


@require_POST
@workspace_view(can=Permission.CREATE)
def delete(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Move a clip to the bin."""
    try:
        delete_clip(generation=removable_clip(request, generation_id), actor=request.user)
    except StillOpenError as error:
        return refused(request, error.message)
    return done(request, generation_id, _("Moved to the bin."), undo=True)


@require_POST
@workspace_view(can=Permission.CREATE)
def restore(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a clip out of the bin."""
    clip = removable_clip(request, generation_id)
    restore_clip(generation=clip, actor=request.user)
    is_own = clip.creator_id == request.user.pk
    return done(request, generation_id, _("Restored to your gallery.") if is_own else _("Restored."))


@require_POST
@workspace_view(can=Permission.CREATE)
def share(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Show a clip to the whole workspace."""
    share_clip(generation=_own_clip(request, generation_id), actor=request.user)
    return done(request, generation_id, _("Shared: everybody in the workspace sees this clip."))


@require_POST
@workspace_view(can=Permission.CREATE)
def unshare(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Leave a clip to its creator alone."""
    clip = removable_clip(request, generation_id)
    unshare_clip(generation=clip, actor=request.user)
    if clip.creator_id == request.user.pk:
        return done(request, generation_id, _("Private: only you see this clip."))
    return _gone(request, clip, _("Private: only its creator sees this clip now."))


# --- Requests for approval --------------------------------------------------------------------------------------------


def _request_action(request: WorkspaceRequest, request_id: UUID, act: Callable[..., None]) -> HttpResponse:
    """Do something to one of the viewer's requests, and show them as they are now."""
    try:
        act(request=request_of_asker(membership=request.membership, request_id=request_id))
    except ApprovalRequest.DoesNotExist:
        raise Http404 from None
    except RequestEndedError as error:
        return refused(request, error.message)
    if request.htmx:
        requests = request_cards(membership=request.membership, show="all")
        return render(request, "gallery/_requests.html", {"requests": requests, "swap": True})
    return redirect_back(request)


@require_POST
@workspace_view()
def withdraw(request: WorkspaceRequest, request_id: UUID) -> HttpResponse:
    """Take a request for approval back."""
    return _request_action(request, request_id, withdraw_request)


@require_POST
@workspace_view()
def dismiss_ended_request(request: WorkspaceRequest, request_id: UUID) -> HttpResponse:
    """Take the card of a request that has ended off the page."""
    return _request_action(request, request_id, dismiss_request)
