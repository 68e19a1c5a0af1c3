"""Where the studio is, as seen by the caller: the base of every link that it hands out."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.signing import Variant, signed_media_path

SIGNED_SECONDS = 24 * 3600
"""How long a link to a file works. Each answer has a new one."""


def public_origin(request: HttpRequest) -> str:
    """`https://studio.example.org`: what the operator has set, else the address that this request came to."""
    return settings.STUDIO_PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


def signed_url(asset: Asset, request: HttpRequest) -> str:
    """An absolute link to the file that needs no key and works for `SIGNED_SECONDS`."""
    return public_origin(request) + signed_media_path(asset, variant=Variant.FILE, expires_seconds=SIGNED_SECONDS)


def as_own_url(url: str, request: HttpRequest) -> str:
    """`url` as the studio itself knows it, if it leads to the very host that this request came to.

    Without a configured public address the studio cannot know all of its names, but the caller has just used one.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if f"{parts.scheme}://{parts.netloc}" != f"{request.scheme}://{request.get_host()}":
        return url
    return (settings.STUDIO_PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}") + parts.path
