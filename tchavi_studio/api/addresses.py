"""Links to the studio: those in answers, and those that callers send."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.signing import Variant, signed_media_path
from tchavi_studio.workspaces.addresses import public_origin

SIGNED_SECONDS = 24 * 3600
"""How long a link to a file works. Each answer contains a new one."""


def signed_url(asset: Asset, request: HttpRequest) -> str:
    """An absolute link to the file that needs no key and works for `SIGNED_SECONDS`."""
    return public_origin(request) + signed_media_path(asset, variant=Variant.FILE, expires_seconds=SIGNED_SECONDS)


def as_own_url(url: str, request: HttpRequest) -> str:
    """`url` on an address that the studio recognises as its own, if its host is the one this request was sent to.

    Without STUDIO_PUBLIC_URL the studio can't know all its host names, but the caller has just used one.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if f"{parts.scheme}://{parts.netloc}" != f"{request.scheme}://{request.get_host()}":
        return url
    return (settings.STUDIO_PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}") + parts.path
