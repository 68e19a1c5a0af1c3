"""Serving a stored file: streamed, in ranges, only if it changed, and never as something that a browser would run."""

import logging
import re
from typing import BinaryIO, cast

from django.core.files.base import File
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date
from whitenoise.responders import SlicedFile

from .models import Asset
from .signing import Variant

logger = logging.getLogger(__name__)

EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
}
"""The only types that are stored, and so the only ones that are served."""

# Whatever a browser takes the bytes for, it can load nothing and run nothing. The exceptions are what its own page
# around a picture or video needs when that is opened in a tab.
CONTENT_SECURITY_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

_ONE_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)


class UnsatisfiableRangeError(Exception):
    """The requested range starts after the end of the file."""


def media_response(
    request: HttpRequest, asset: Asset, variant: Variant, *, max_age_seconds: int, download_name: str = ""
) -> HttpResponseBase:
    """One file of `asset` as the response to a GET or HEAD, which the browser may cache for `max_age_seconds`.

    The browser shows it, or saves it if there is a `download_name` or the query says `download=1`. Raises `Http404` if
    the asset has no such file.
    """
    field = getattr(asset, variant)
    if not field:
        raise Http404
    content_type = asset.content_type if variant == Variant.FILE else "image/webp"
    etag, modified = _etag(asset, variant), asset.created_at.timestamp()
    filename = download_name or _readable_name(asset, content_type)
    as_attachment = bool(download_name) or request.GET.get("download") == "1"
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={max_age_seconds}",
        "Content-Disposition": content_disposition_header(as_attachment, filename) or "inline",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "ETag": etag,
        "Last-Modified": http_date(modified),
        "X-Content-Type-Options": "nosniff",
    }
    fresh = HttpResponse(content_type=content_type, headers=headers)
    answer = get_conditional_response(request, etag, int(modified), fresh)
    if answer is not fresh:
        return cast(HttpResponseBase, answer)
    try:
        file: File[bytes] = field.storage.open(field.name, "rb")
    except FileNotFoundError as error:
        logger.error("stored file is missing: %s", field.name)
        raise Http404 from error
    response = _body(request, file, file.size, content_type, etag)
    for name, value in headers.items():
        response[name] = value
    return response


def _etag(asset: Asset, variant: Variant) -> str:
    # A clip's pictures can be made anew, under new names.
    mark = asset.pictures_query if variant != Variant.FILE else ""
    return f'"{asset.content_sha256[:32]}-{variant}{mark}"'


def _readable_name(asset: Asset, content_type: str) -> str:
    """The sender's name for the file, with the extension of the stored type. A clip is named after its id."""
    stem = asset.original_name.rpartition(".")[0] or asset.original_name or f"clip-{asset.pk.hex[:8]}"
    return f"{stem}.{EXTENSIONS[content_type]}"


def _body(request: HttpRequest, file: "File[bytes]", size: int, content_type: str, etag: str) -> HttpResponseBase:
    """The response with its status and length: the whole file, the requested range, or only the headers."""
    try:
        part = asked_range(request.headers.get("Range", ""), size)
    except UnsatisfiableRangeError:
        file.close()
        return HttpResponse(status=416, content_type=content_type, headers={"Content-Range": f"bytes */{size}"})
    # If-Range asks for the rest if the file is still the same. If it isn't, all of it is sent.
    if part is None or request.headers.get("If-Range", etag) != etag:
        start, end, status = 0, size - 1, 200
    else:
        (start, end), status = part, 206
    if request.method == "HEAD":
        file.close()
        response: HttpResponseBase = HttpResponse(status=status, content_type=content_type)
    else:
        body = file if status == 200 else SlicedFile(file, start, end)
        response = FileResponse(cast(BinaryIO, body), status=status, content_type=content_type)
    response["Content-Length"] = str(end - start + 1)
    if status == 206:
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    return response


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """The first and last byte (inclusive) that a Range header requests of a file of `size` bytes.

    None means the whole file: there is no range, more than one, or nonsense. Raises `UnsatisfiableRangeError`.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.group(1, 2) == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size - 1
        if last.strip("0") == "":
            raise UnsatisfiableRangeError
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size:
        raise UnsatisfiableRangeError
    return start, end
