"""Pages of clips, the clip's own page, and what can be done with a clip.

Every act works as a plain form, which leads back to where the person was, and by htmx, which answers with the parts of
the page that change. Parts carry `hx-swap-oob`; those that the page does not have are dropped by static/js/cards.js.
"""

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from tchavi_studio.assets.serving import media_response
from tchavi_studio.assets.signing import Variant
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.queries import Cursor, clip_for_viewer
from tchavi_studio.generations.services import (
    NotCancellableError,
    StillOpenError,
    cancel_generation,
    delete_clip,
    dismiss_failure,
    restore_clip,
)
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .queries import (
    Changes,
    binned_for_viewer,
    cards,
    changes_for_viewer,
    clip_detail_for_viewer,
    feed_for_viewer,
    older_cards_for_viewer,
    watch_for_viewer,
)

DOWNLOAD_NAME_LENGTH = 60
DOWNLOAD_KEPT_SECONDS = 3600

# --- Pages ------------------------------------------------------------------------------------------------------------


def feed_context(request: WorkspaceRequest) -> dict[str, Any]:
    """What `gallery/_feed.html` and `gallery/_started.html` ask for: the viewer's clips, filtered by `?show=`."""
    feed = feed_for_viewer(membership=request.membership, show=request.GET.get("show", "all"))
    return {"feed": feed}


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def gallery(request: WorkspaceRequest) -> HttpResponse:
    """The viewer's clips. With `before` htmx gets the next cards only; a browser a whole page that begins there."""
    show, before = request.GET.get("show", "all"), request.GET.get("before", "")
    is_part = bool(before and request.htmx)
    read_feed = older_cards_for_viewer if is_part else feed_for_viewer
    try:
        feed = read_feed(membership=request.membership, show=show, before=before)
    except ValueError:
        raise Http404 from None
    template = "gallery/_page.html" if is_part else "gallery/gallery.html"
    return render(request, template, {"feed": feed, "before": before})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def bin_page(request: WorkspaceRequest) -> HttpResponse:
    """The viewer's deleted clips, until they are gone for good."""
    before = request.GET.get("before", "")
    try:
        binned = binned_for_viewer(membership=request.membership, before=before)
    except ValueError:
        raise Http404 from None
    template = "gallery/_bin_page.html" if before and request.htmx else "gallery/bin.html"
    return render(request, template, {"binned": binned, "bin_days": settings.STUDIO_BIN_DAYS})


@require_safe
@never_cache
@vary_on_headers("HX-Request")
@workspace_view()
def clip(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """One clip: a page of its own, or for htmx its inside, shown in a dialog over the grid."""
    # The cursor first: what changes in between is heard of twice rather than never.
    watch = None if request.htmx else watch_for_viewer(membership=request.membership)
    try:
        detail = clip_detail_for_viewer(membership=request.membership, generation_id=generation_id)
    except Generation.DoesNotExist:
        raise Http404 from None
    context = {"detail": detail, "clip": detail.card.clip, "card": detail.card, "feed": watch}
    return render(request, "gallery/_clip.html" if request.htmx else "gallery/clip.html", context)


@require_safe
@workspace_view()
def download(request: WorkspaceRequest, generation_id: UUID) -> HttpResponseBase:
    """The clip's file, saved under a name made of its prompt."""
    clip = _clip(request, generation_id)
    if clip.output is None:
        raise Http404
    return media_response(
        request,
        clip.output,
        Variant.FILE,
        max_age_seconds=DOWNLOAD_KEPT_SECONDS,
        download_name=f"{_words_of(clip.prompt)}-{clip.pk.hex[:8]}.mp4",
    )


def _words_of(prompt: str) -> str:
    """As many whole words of a prompt as fit a file's name; "clip" if it has no Latin letter."""
    words = slugify(prompt)
    if len(words) > DOWNLOAD_NAME_LENGTH:
        words = words[: DOWNLOAD_NAME_LENGTH + 1].rpartition("-")[0] or words[:DOWNLOAD_NAME_LENGTH]
    return words or "clip"


# --- What changed -----------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@workspace_view()
def updates(request: WorkspaceRequest) -> HttpResponse:
    """The page's poller: out of band exactly the cards that changed, new ones first in the feed; 204 if none did."""
    try:
        cursor, since = Cursor.parse(request.GET.get("after", "")), int(request.GET.get("since", ""))
    except (ValueError, OverflowError):
        return HttpResponseBadRequest()
    changes = changes_for_viewer(
        membership=request.membership,
        show=request.GET.get("show", "all"),
        cursor=cursor,
        since=since,
        waits=request.GET.get("waits", ""),
    )
    if changes is None:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {"changes": changes, "feed": changes.feed, "announcement": _announcement(changes)}
    return render(request, "gallery/_changes.html", context)


def _announcement(changes: Changes) -> str:
    """What the live region says: that something came to its end, never how far it is."""
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


# --- What can be done with a clip -------------------------------------------------------------------------------------


def _clip(request: WorkspaceRequest, generation_id: UUID) -> Generation:
    try:
        return clip_for_viewer(membership=request.membership, generation_id=generation_id)
    except Generation.DoesNotExist:
        raise Http404 from None


def _done(request: WorkspaceRequest, generation_id: UUID, text: str = "", *, undo: bool = False) -> HttpResponse:
    """Say what was done, and show the clip as it is now: in place by htmx, else on the page the person came from."""
    if request.htmx:
        context: dict[str, Any] = {"card": cards([_clip(request, generation_id)])[0], "text": text}
        if undo:
            context["undo_url"] = reverse("gallery:restore", args=[request.workspace.slug, generation_id])
        return render(request, "gallery/_done.html", context)
    if text:
        messages.success(request, text)
    return redirect(_came_from(request))


def _refused(request: WorkspaceRequest, text: str) -> HttpResponse:
    if request.htmx:
        context = {"text": text, "level": "error"}
        return render(request, "gallery/_refused.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.error(request, text)
    return redirect(_came_from(request))


def _came_from(request: WorkspaceRequest) -> str:
    target = request.POST.get("next") or request.headers.get("Referer", "")
    here = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if here else reverse("gallery:gallery", args=[request.workspace.slug])


@require_POST
@workspace_view(can=Permission.CREATE)
def cancel(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a waiting clip out of the queue; its credits come back."""
    clip = _clip(request, generation_id)
    try:
        cancel_generation(generation=clip)
    except NotCancellableError as error:
        return _refused(request, error.message)
    if not clip.was_charged:
        return _done(request, generation_id, _("Cancelled. It had cost nothing."))
    text = ngettext(
        "Cancelled. %(credits)s credit refunded.", "Cancelled. %(credits)s credits refunded.", clip.price_credits
    )
    return _done(request, generation_id, text % {"credits": number_format(clip.price_credits)})


@require_POST
@workspace_view(can=Permission.CREATE)
def dismiss(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a failed clip's card out of the feed."""
    try:
        dismiss_failure(generation=_clip(request, generation_id))
    except StillOpenError as error:
        return _refused(request, error.message)
    return _done(request, generation_id)


@require_POST
@workspace_view(can=Permission.CREATE)
def delete(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Put a clip into the bin."""
    try:
        delete_clip(generation=_clip(request, generation_id))
    except StillOpenError as error:
        return _refused(request, error.message)
    return _done(request, generation_id, _("Moved to the bin."), undo=True)


@require_POST
@workspace_view(can=Permission.CREATE)
def restore(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Take a clip out of the bin."""
    restore_clip(generation=_clip(request, generation_id))
    return _done(request, generation_id, _("Back in your gallery."))
