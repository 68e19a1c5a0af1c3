"""Downloading selected clips as a zip."""

from dataclasses import replace
from http import HTTPStatus
from itertools import islice

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tchavi_studio.gallery.answers import redirect_back
from tchavi_studio.generations.bulk.selection import Binned, Named, Selection
from tchavi_studio.generations.bulk.zip_slots import SlotTakenError, give_back_zip_slot, take_zip_slot
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .selection import read_selection
from .zip_parts import ZipPart, clips_of_part, zip_parts
from .zip_stream import ZipStream

MAX_PARTS_SHOWN = 10
RETRY_SECONDS = 60


@require_http_methods(["GET", "POST"])
@never_cache
@workspace_view()
def download_zip(request: WorkspaceRequest) -> HttpResponseBase:
    """The selected clips as a zip; if it takes several, a page with its parts. `part` asks for one of them."""
    form = request.POST if request.method == "POST" else request.GET
    try:
        selection = _in_range(read_selection(form, user_id=request.user.pk), form)
        # The first of the parts that are asked for.
        number = _read_number(form.get("part", form.get("first", "1")))
    except UserFacingError as error:
        messages.error(request, error.message)
        return redirect_back(request)
    except ValueError:
        raise BadRequest("There are no such clips.") from None
    is_part = "part" in form
    # Named clips are few, so all their parts are shown.
    max_shown = None if isinstance(selection, Named) else MAX_PARTS_SHOWN
    max_parts = 1 if is_part else max_shown and max_shown + 1
    found = list(islice(zip_parts(selection, membership=request.membership), max_parts))
    if not found:
        messages.error(request, _("None of these clips has a file to download yet."))
        return redirect_back(request)
    if len(found) == 1:
        return _stream(request, found[0], number=number if is_part or number > 1 else None)
    shown = found[:max_shown]
    context = {
        "parts": list(enumerate(shown, start=number)),
        "query": form.get("query", ""),
        "further": shown[-1].selection if len(found) > len(shown) else None,
        "further_number": number + len(shown),
    }
    return render(request, "gallery/zip.html", context)


def _stream(request: WorkspaceRequest, part: ZipPart, *, number: int | None) -> HttpResponseBase:
    try:
        slot = take_zip_slot(request.user)
    except SlotTakenError as taken:
        context = {"by_themselves": taken.by_themselves}
        busy = render(request, "gallery/zip_busy.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
        busy["Retry-After"] = str(RETRY_SECONDS)
        return busy
    try:
        stream = ZipStream(clips_of_part(part, membership=request.membership), slot)
    except BaseException:
        give_back_zip_slot(slot)
        raise
    name = f"{request.workspace.slug}-clips" + (f"-part-{number}" if number else "")
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "Content-Length": str(stream.length)}
    return StreamingHttpResponse(stream, content_type="application/zip", headers=headers)


def _in_range(selection: Selection, form: QueryDict) -> Selection:
    """The part of a list between the keys `after` and `until`, if the form has them. Raises ValueError."""
    if isinstance(selection, Named):
        return selection
    if isinstance(selection, Binned):
        raise ValueError("Only a list has parts.")
    texts = (form.get(name, "") for name in ("after", "until"))
    after, until = (_read_number(text) if text else None for text in texts)
    return replace(selection, after=after, until=until)


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < 2**63):
        raise ValueError(f"{text!r} isn't a number that a page sends.")
    return int(text)
