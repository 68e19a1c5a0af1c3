"""Fetches the URLs in a request and stores them like uploads, before anything is charged."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest

from tchavi_studio.assets.models import Asset
from tchavi_studio.assets.services import MediaRefusedError, StudioBusyError, own_assets, store_url
from tchavi_studio.generations.params import (
    MAX_REFERENCE_AUDIOS,
    MAX_REFERENCE_IMAGES,
    MAX_REFERENCE_VIDEOS,
    MediaReference,
    Problem,
)

from .addresses import as_own_url
from .models import ApiKey

SINGLE_FIELDS = ("image_url", "last_frame_image_url")
LIST_FIELDS = {
    "reference_images": MAX_REFERENCE_IMAGES,
    "reference_videos": MAX_REFERENCE_VIDEOS,
    "reference_audios": MAX_REFERENCE_AUDIOS,
}


def names_references(body: Mapping[str, Any]) -> bool:
    """Whether a body has any references."""
    return any(body.get(field) for field in (*SINGLE_FIELDS, *LIST_FIELDS))


class ReferenceFetch:
    """Turns the URLs in one body into references, and collects their problems."""

    def __init__(self, *, caller: ApiKey, request: HttpRequest, before_each: Callable[[], None]) -> None:
        self.problems: list[tuple[Problem, int | None]] = []
        self._caller = caller
        self._request = request
        self._before_each = before_each
        self._known: dict[str, Asset | MediaRefusedError] = {}

    def resolved(self, body: dict[str, Any]) -> dict[str, Any]:
        """`body` with a `MediaReference` for every URL. Anything else is left for the validator to refuse.

        A list that is too long isn't fetched, so no request can have more fetched than it could use. Raises
        `StudioBusyError` while the studio is fetching or examining too many files.
        """
        singles = {field: body[field] for field in SINGLE_FIELDS if _is_url(body.get(field))}
        lists = {field: body[field] for field in LIST_FIELDS if isinstance(body.get(field), list)}
        fetched = {
            field for field, urls in lists.items() if len(urls) <= LIST_FIELDS[field] and all(map(_is_url, urls))
        }
        self._find_own([*singles.values(), *(url for field in fetched for url in lists[field])])
        result = dict(body)
        for field, url in singles.items():
            result[field] = self._reference(field, url, index=None)
        for field, urls in lists.items():
            result[field] = [
                self._reference(field, url, index=index) if field in fetched else _unfetched(url)
                for index, url in enumerate(urls)
            ]
        return result

    def _find_own(self, urls: list[str]) -> None:
        """Find the files that are in the workspace already, in one query for all."""
        own_urls = {url: as_own_url(url, self._request) for url in urls}
        found = own_assets(workspace=self._caller.workspace, urls=own_urls.values())
        self._known |= {url: found[own_url] for url, own_url in own_urls.items() if own_url in found}

    def _reference(self, field: str, url: str, *, index: int | None) -> MediaReference:
        stored = self._stored(url)
        if isinstance(stored, MediaRefusedError):
            self.problems.append((Problem(field=field, code=stored.code, message=_named(field, index, stored)), index))
            return MediaReference(kind="", url=url)
        return MediaReference(
            kind=stored.kind,
            asset_id=stored.pk,
            url=url,
            duration_seconds=stored.duration_seconds,
            width=stored.width,
            height=stored.height,
            needs_trim=stored.needs_trim,
            name=field if index is None else f"{field}[{index}]",
        )

    def _stored(self, url: str) -> Asset | MediaRefusedError:
        if url not in self._known:
            self._before_each()
            try:
                self._known[url] = store_url(
                    workspace=self._caller.workspace, user=self._caller.user, url=as_own_url(url, self._request)
                )
            except StudioBusyError:
                raise
            except MediaRefusedError as refusal:
                self._known[url] = refusal
        return self._known[url]


def _named(field: str, index: int | None, refusal: MediaRefusedError) -> str:
    where = field if index is None else f"{field}[{index}]"
    return f"{where}: {refusal.message}"


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _unfetched(value: object) -> object:
    return MediaReference(kind="", url=value) if isinstance(value, str) and value else value
