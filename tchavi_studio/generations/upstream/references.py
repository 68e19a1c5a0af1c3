"""How a provider gets at the references of a request: by a link to this studio, or as an upload over there."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.signing import Variant, links_open_from_outside, signed_media_url
from tchavi_studio.engines.base import EngineReference, EngineRequest
from tchavi_studio.generations.models import Generation, GenerationReference, RemoteFile
from tchavi_studio.generations.requests import engine_request

from .fairness import Waiting
from .models import UpstreamAccount

LINK_SECONDS = 24 * 3600
"""How long a provider may fetch a reference: it may wait in its own queue for hours."""

UPLOAD_MARGIN = timedelta(minutes=30)
"""An upload that expires sooner is made again rather than named in a request."""


class Route(StrEnum):
    """How references reach the provider."""

    LINKS = "links"
    UPLOADS = "uploads"
    NONE = "none"


def reference_route() -> Route:
    """Links where the provider can reach this studio, else uploads where it takes them, else no way at all."""
    if links_open_from_outside():
        return Route.LINKS
    takes_files = UpstreamAccount.objects.filter(pk=1, takes_files=True).exists()
    return Route.UPLOADS if takes_files else Route.NONE


def missing_uploads(*, now: datetime) -> Q:
    """A condition on references: the provider has no upload of it that will last."""
    usable = RemoteFile.objects.filter(
        asset=OuterRef("asset"), base_url=settings.TCHAVI_BASE_URL, expires_at__gt=now + UPLOAD_MARGIN
    )
    return ~Q(Exists(usable))


def without_missing_uploads(clips: list[Waiting], *, now: datetime) -> list[Waiting]:
    """Those of `clips` whose references the provider can get at."""
    if not clips or reference_route() == Route.LINKS:
        return clips
    references = GenerationReference.objects.filter(
        missing_uploads(now=now), generation__in=[clip.generation_id for clip in clips]
    )
    incomplete = set(references.values_list("generation_id", flat=True))
    return [clip for clip in clips if clip.generation_id not in incomplete]


def remote_request(generation: Generation) -> EngineRequest | None:
    """The row as a remote engine is given it: references as addresses that it can open. None: one has to be uploaded.

    Takes the generation with its references and their assets.
    """
    references = sorted(generation.references.all(), key=lambda reference: reference.position)
    if reference_route() == Route.LINKS:
        urls = {reference.asset_id: _link(reference.asset) for reference in references}
    else:
        files = RemoteFile.objects.filter(
            asset__in=[reference.asset_id for reference in references], base_url=settings.TCHAVI_BASE_URL
        )
        urls = {file.asset_id: file.url for file in files} if references else {}
    if any(reference.asset_id not in urls for reference in references):
        return None
    return engine_request(
        generation,
        [
            (
                reference.role,
                EngineReference(content_type=reference.asset.content_type, url=urls[reference.asset_id]),
            )
            for reference in references
        ],
    )


def _link(asset: Asset) -> str:
    return signed_media_url(asset, variant=Variant.FILE, expires_seconds=LINK_SECONDS)
