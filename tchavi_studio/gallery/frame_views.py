"""What is taken from a finished clip's file: single frames, and the shape of its sound.

A moment of a clip is `at`, in seconds. Taking a frame means to decode, so it waits for a place like an upload.
"""

from http import HTTPStatus
from math import isfinite
from uuid import UUID

from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import MediaRefusedError, measure_sound, read_frame, store_frame
from tchavi_studio.generations.models import Generation
from tchavi_studio.generations.services import choose_poster
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission

from .answers import refused, told
from .file_names import frame_file_name
from .views import done, removable_clip, viewed_clip

# --- Frames -----------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@workspace_view()
def frame(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """One frame as a PNG at full resolution, to be saved."""
    clip = viewed_clip(request, generation_id)
    output, at_seconds = output_of(clip), _moment(request.GET.get("at", ""))
    try:
        picture = read_frame(asset=output, user=request.user, at_seconds=at_seconds)
    except MediaRefusedError as error:
        return refused(request, error.message)
    name = frame_file_name(clip, output, at_seconds=at_seconds)
    disposition = content_disposition_header(True, name) or "attachment"
    return HttpResponse(picture, content_type="image/png", headers={"Content-Disposition": disposition})


@require_POST
@workspace_view(can=Permission.CREATE)
def keep_frame(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Keep one frame as a reference of the viewer's."""
    clip = viewed_clip(request, generation_id)
    output, at_seconds = output_of(clip), _moment(request.POST.get("at", ""))
    name = frame_file_name(clip, output, at_seconds=at_seconds)
    try:
        store_frame(asset=output, user=request.user, at_seconds=at_seconds, name=name)
    except MediaRefusedError as error:
        return refused(request, error.message)
    text = _("The frame at %(timecode)s is among your references now, ready for the composer.")
    return told(request, text % {"timecode": output.timecode_at(at_seconds)})


@require_POST
@workspace_view(can=Permission.CREATE)
def poster(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """Make one frame the clip's poster, for everybody who sees the clip."""
    clip = removable_clip(request, generation_id)
    at_seconds = _moment(request.POST.get("at", ""))
    try:
        choose_poster(generation=clip, actor=request.user, at_seconds=at_seconds)
    except (Asset.DoesNotExist, Generation.DoesNotExist):
        raise Http404 from None
    except MediaRefusedError as error:
        return refused(request, error.message)
    return done(request, generation_id, _("This frame is the clip's poster now."))


def output_of(clip: Generation) -> Asset:
    """The file of a clip. Raises Http404 if it has none (yet)."""
    if clip.output is None:
        raise Http404
    return clip.output


def _moment(text: str) -> float:
    try:
        at_seconds = float(text)
    except ValueError:
        at_seconds = -1.0
    if not isfinite(at_seconds) or at_seconds < 0:
        raise BadRequest("There is no such moment.")
    return at_seconds


# --- Sound ------------------------------------------------------------------------------------------------------------


@require_safe
@never_cache
@workspace_view()
def sound(request: WorkspaceRequest, generation_id: UUID) -> HttpResponse:
    """The shape of a clip's sound, measured now if it was stored before that was usual; 204 if it can't be now."""
    output = output_of(viewed_clip(request, generation_id))
    try:
        output.peaks = measure_sound(asset=output, user=request.user)
    except MediaRefusedError:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    return render(request, "gallery/_sound.html", {"output": output})
