"""Downloading selected clips as a zip."""

from http import HTTPStatus
from itertools import islice

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from tchavi_studio.gallery.answers import redirect_back
from tchavi_studio.generations.bulk.zip_slots import SlotTakenError, give_back_zip_slot, take_zip_slot
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .selection import read_selection
from .zip_parts import ZipPart, clips_of_part, zip_parts
from .zip_stream import ZipStream

MAX_PARTS_SHOWN = 20
RETRY_SECONDS = 60
MAX_PART_NUMBER = 100_000


@require_http_methods(["GET", "POST"])
@never_cache
@workspace_view()
def download_zip(request: WorkspaceRequest) -> HttpResponseBase:
    """The selected clips as a zip; if it takes several, a page with its parts. `part` asks for one of them."""
    form = request.POST if request.method == "POST" else request.GET
    try:
        selection = read_selection(form, user_id=request.user.pk)
        number, first_number = _read_number(form.get("part", "1")), _read_number(form.get("first", "1"))
    except UserFacingError as error:
        messages.error(request, error.message)
        return redirect_back(request)
    except ValueError:
        raise BadRequest("There are no such clips.") from None
    parts = zip_parts(selection, membership=request.membership)
    found = list(islice(parts, 1 if "part" in form else MAX_PARTS_SHOWN + 1))
    if not found:
        messages.error(request, _("None of these clips has a file to download yet."))
        return redirect_back(request)
    if len(found) == 1:
        return _stream(request, found[0], number=number if "part" in form else None)
    shown = found[:MAX_PARTS_SHOWN]
    context = {
        "parts": list(enumerate(shown, start=first_number)),
        "query": form.get("query", ""),
        # Only a list is so long: of named clips, so many parts would be larger than the bound of their number allows.
        "further": shown[-1].selection if len(found) > len(shown) else None,
        "further_number": first_number + len(shown),
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


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_PART_NUMBER))):
        raise ValueError(f"{text!r} isn't the number of a part.")
    return int(text)
