"""How the provider gets a request's references: by links to this studio, or by uploads."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.signing import Variant, links_open_from_outside, signed_media_url
from tchavi_studio.engines.base import EngineReference, EngineRequest
from tchavi_studio.generations.models import Generation, GenerationReference, RemoteFile
from tchavi_studio.generations.requests import engine_request
from tchavi_studio.generations.via import extended_via

from .models import UpstreamAccount

LINK_SECONDS = 24 * 3600
"""How long the provider may fetch a reference: a job may wait in its queue for hours."""

UPLOAD_MARGIN = timedelta(minutes=30)
"""A reference whose upload expires sooner is uploaded again."""


class Route(StrEnum):
    """How references reach the provider."""

    LINKS = "links"
    UPLOADS = "uploads"
    NONE = "none"


def reference_route() -> Route:
    """Links if the provider can reach this studio, else uploads if it takes them, else none."""
    if links_open_from_outside():
        return Route.LINKS
    takes_files = UpstreamAccount.objects.filter(pk=1, takes_files=True).exists()
    return Route.UPLOADS if takes_files else Route.NONE


def missing_uploads(*, now: datetime) -> Q:
    """A condition on references: the provider has no upload of it that lasts long enough."""
    usable = RemoteFile.objects.filter(
        asset=OuterRef("asset"), base_url=settings.STUDIO_PROVIDER_URL, expires_at__gt=now + UPLOAD_MARGIN
    )
    return ~Q(Exists(usable))


def clips_missing_uploads(generation_ids: Sequence[Any], *, now: datetime) -> set[UUID]:
    """Those of these clips with a reference that has yet to be uploaded."""
    references = GenerationReference.objects.filter(missing_uploads(now=now), generation__in=generation_ids)
    return set(references.order_by().values_list("generation_id", flat=True))


def remote_request(generation: Generation) -> EngineRequest | None:
    """The request for the provider: references are URLs that it can open. None if one has to be uploaded first.

    Expects a generation with its references and assets prefetched.
    """
    references = sorted(generation.references.all(), key=lambda reference: reference.position)
    if reference_route() == Route.LINKS:
        urls = {reference.asset_id: _link(reference.asset) for reference in references}
    else:
        files = RemoteFile.objects.filter(
            asset__in=[reference.asset_id for reference in references], base_url=settings.STUDIO_PROVIDER_URL
        )
        urls = {file.asset_id: file.url for file in files} if references else {}
    if any(reference.asset_id not in urls for reference in references):
        return None
    request = engine_request(
        generation,
        [
            (
                reference.role,
                EngineReference(content_type=reference.asset.content_type, url=urls[reference.asset_id]),
            )
            for reference in references
        ],
    )
    return replace(request, via=extended_via(generation.via))


def _link(asset: Asset) -> str:
    return signed_media_url(asset, variant=Variant.FILE, expires_seconds=LINK_SECONDS)
