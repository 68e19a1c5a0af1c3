"""Short-lived URLs of one stored file, for those without a session: the provider, a guest, a program."""

import ipaddress
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from tchavi_studio.outbound import is_globally_routable

from .models import Asset

LOCAL_NAMES = (".local", ".localhost", ".internal", ".lan", ".home", ".test", ".invalid", ".example")
"""Suffixes of names that mean nothing outside a private network."""

SALT = "tchavi_studio.assets.media"
"""Ties a signature to this purpose: a token that another app signed opens no file."""


class Variant(StrEnum):
    """The stored files of an asset."""

    FILE = "file"
    THUMBNAIL = "thumbnail"
    POSTER = "poster"


@dataclass(frozen=True, kw_only=True)
class SignedMedia:
    """What a valid token opens, and for how much longer."""

    asset_id: UUID
    variant: Variant
    download_name: str
    remaining_seconds: int


def signed_media_path(asset: Asset, *, variant: Variant, expires_seconds: int, download_name: str | None = None) -> str:
    """The path at which anybody can read one file of `asset` for `expires_seconds`, for the studio's own pages.

    With a `download_name`, browsers save the file under that name instead of showing it.
    """
    content = {
        "asset": asset.pk.hex,
        "variant": variant.value,
        "expires": int(time.time()) + expires_seconds,
        "name": download_name or "",
    }
    token = signing.dumps(content, salt=SALT)
    # Only for programs that judge a URL by its extension.
    filename = getattr(asset, variant).name.rpartition("/")[2]
    return reverse("media:signed", kwargs={"token": token, "filename": filename})


def signed_media_url(asset: Asset, *, variant: Variant, expires_seconds: int, download_name: str | None = None) -> str:
    """`signed_media_path` as an absolute URL under STUDIO_PUBLIC_URL, for use outside the studio."""
    path = signed_media_path(asset, variant=variant, expires_seconds=expires_seconds, download_name=download_name)
    return _own_origins()[0] + path


def links_open_from_outside() -> bool:
    """Whether somebody on the internet could open a `signed_media_url`.

    STUDIO_PUBLIC_URL is judged by how it is written, without a DNS lookup.
    """
    host = (urlsplit(settings.STUDIO_PUBLIC_URL).hostname or "").rstrip(".").lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.endswith(LOCAL_NAMES)
    return is_globally_routable(host)


def read_token(token: str) -> SignedMedia | None:
    """What `token` opens, or None if it was tampered with, made for another purpose, or has expired."""
    try:
        content: dict[str, Any] = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    remaining_seconds = content["expires"] - int(time.time())
    if remaining_seconds <= 0:
        return None
    return SignedMedia(
        asset_id=UUID(content["asset"]),
        variant=Variant(content["variant"]),
        download_name=content["name"],
        remaining_seconds=remaining_seconds,
    )


def own_path(url: str) -> str | None:
    """The path of `url` if it belongs to this studio, else None."""
    try:
        parts = urlsplit(url)
        own = any(_origin(parts) == _origin(urlsplit(origin)) for origin in _own_origins())
    except ValueError:
        return None
    return parts.path if own else None


def _own_origins() -> list[str]:
    """Where the studio can be reached. The first is the one it gives out."""
    if settings.STUDIO_PUBLIC_URL:
        return [settings.STUDIO_PUBLIC_URL]
    return [f"http://{host}:{settings.PORT}" for host in ("127.0.0.1", "localhost")]


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
