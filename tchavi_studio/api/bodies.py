"""Reads JSON bodies strictly: anything that two parsers could read differently is refused."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.translation import gettext as _

from .errors import ApiError, unreadable_request

MAX_JSON_BYTES = 256 * 1024
"""More than enough for the longest prompt, fully escaped, and as many URLs as a request may have."""

MAX_FIELDS = 64
"""No real request has this many. Each unknown name is compared with all known ones, which takes time."""


def read_json_object(request: HttpRequest) -> dict[str, Any]:
    """The body as a JSON object. Raises `ApiError`: 400, 413 or 415."""
    if request.content_type != "application/json":
        raise ApiError(
            415,
            "unsupported_media_type",
            _("Send the body as JSON, with the header Content-Type: application/json. No credits moved."),
        )
    check_content_length(request, MAX_JSON_BYTES)
    try:
        body = json.loads(
            request.body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_unique_names
        )
        # An unpaired surrogate ("\\ud800") can't be stored as text.
        json.dumps(body, ensure_ascii=False).encode("utf-8")
    except (UnreadablePostError, RawPostDataException) as error:
        raise unreadable_request(_("The body arrived incomplete.")) from error
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError | _NotJSONError) else _("it can't be read")
        raise unreadable_request(_("The body is not valid JSON: %(reason)s.") % {"reason": reason}) from error
    if not isinstance(body, dict):
        raise unreadable_request(_("The body must be a JSON object, with the parameters as its fields."))
    if len(body) > MAX_FIELDS:
        raise unreadable_request(_("The body has more than %(max)s fields.") % {"max": MAX_FIELDS})
    return body


def check_content_length(request: HttpRequest, max_bytes: int) -> None:
    """Refuse a body whose declared length is too large, before reading any of it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > max_bytes:
        message = _("The body is too large: at most %(max)s bytes. No credits moved.") % {"max": max_bytes}
        raise ApiError(413, "payload_too_large", message)


class _NotJSONError(ValueError):
    """Python would read it, but it isn't JSON."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotJSONError(_("%(name)s isn't allowed in JSON") % {"name": name})


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise _NotJSONError(_("a name appears twice in one object"))
    return names
