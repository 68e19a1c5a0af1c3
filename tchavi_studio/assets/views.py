"""Stored files over HTTP, for members of the workspace and for anyone with a signed URL."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view

from .queries import asset_by_signed_token, assets_for_workspace
from .serving import media_response
from .signing import Variant

CACHE_SECONDS = 7 * 24 * 3600
"""How long a browser may cache a file. What an asset's URL shows never changes."""


@workspace_view()
@require_safe
def workspace_media(request: WorkspaceRequest, asset_id: UUID, variant: str) -> HttpResponseBase:
    """A file of the workspace, for its members."""
    try:
        wanted = Variant(variant)
    except ValueError:
        raise Http404 from None
    asset = get_object_or_404(assets_for_workspace(workspace=request.workspace), pk=asset_id)
    return media_response(request, asset, wanted, max_age_seconds=CACHE_SECONDS)


@require_safe
def signed_media(request: HttpRequest, token: str, filename: str) -> HttpResponseBase:
    """A file by its signed URL, without a session. `filename` is only there to be read."""
    opened = asset_by_signed_token(token)
    if opened is None:
        raise Http404
    asset, signed = opened
    return media_response(
        request,
        asset,
        signed.variant,
        max_age_seconds=min(signed.remaining_seconds, CACHE_SECONDS),
        download_name=signed.download_name,
    )
