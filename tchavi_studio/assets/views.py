"""Stored files over HTTP, for anyone with a signed URL."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from .queries import asset_by_signed_token
from .serving import media_response

CACHE_SECONDS = 7 * 24 * 3600
"""How long a browser may cache a file. What an asset's URL shows never changes."""


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
