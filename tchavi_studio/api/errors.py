"""The errors of `/v1`, as the contract's JSON."""

from collections.abc import Mapping, Sequence

from django.http import JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tchavi_studio.assets.refusals import StudioBusyError
from tchavi_studio.client.records import ErrorDetailsRecord, ErrorRecord, NoteRecord
from tchavi_studio.generations.services import (
    NoRoomForFreeClipsError,
    NotCancellableError,
    ReferencesUnreachableError,
    TooManyFreeClipsError,
    WorkspaceArchivedError,
)
from tchavi_studio.generations.via import RequestLoopError
from tchavi_studio.ledger.services import InsufficientCreditsError, SpendingLimitError
from tchavi_studio.outages import RETRY_AFTER_SECONDS
from tchavi_studio.refusals import UserFacingError


class ApiError(UserFacingError):
    """An error answer.

    `details` lists every problem of a bad request; `param` is the field of the first.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        param: str = "",
        details: Sequence[NoteRecord] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.details = details
        self.headers = dict(headers or {})

    def response(self) -> JsonResponse:
        error = ErrorDetailsRecord(code=self.code, message=self.message, status=self.status)
        if self.param:
            error["param"] = self.param
        if self.details:
            error["details"] = list(self.details)
        return JsonResponse(ErrorRecord(error=error), status=self.status, headers=self.headers)


REFUSALS: dict[type[UserFacingError], tuple[int, str]] = {
    ReferencesUnreachableError: (400, "references_unreachable"),
    RequestLoopError: (400, "request_loop"),
    InsufficientCreditsError: (402, "insufficient_credits"),
    SpendingLimitError: (402, "spending_limit_reached"),
    WorkspaceArchivedError: (403, "workspace_archived"),
    NotCancellableError: (409, "not_cancellable"),
    NoRoomForFreeClipsError: (409, "no_room"),
    StudioBusyError: (429, "rate_limit_exceeded"),
    TooManyFreeClipsError: (429, "too_many_free_clips"),
}
"""Status and code for each refusal of the apps below."""


def as_api_error(refusal: UserFacingError) -> ApiError:
    """A refusal as an error of `/v1`, with the same message."""
    if isinstance(refusal, ApiError):
        return refusal
    status, code = REFUSALS.get(type(refusal), (400, "invalid_request"))
    seconds = refusal.retry_after_seconds
    return ApiError(status, code, refusal.message, headers={"Retry-After": str(seconds)} if seconds else None)


def invalid_request(details: Sequence[NoteRecord]) -> ApiError:
    """400 with every problem of a request."""
    first = details[0]
    more = len(details) - 1
    message = first["message"]
    if more:
        message += " " + ngettext(
            "One more problem is listed in details.", "%(count)s more problems are listed in details.", more
        ) % {"count": more}
    message += " " + _("Nothing was created and no credits moved.")
    return ApiError(400, "invalid_request", message, param=first["param"], details=details)


def unreadable_request(message: str, *, param: str = "") -> ApiError:
    """400 for a request whose fields can't be read at all."""
    no_credits_moved = _("No credits moved.")
    return ApiError(400, "invalid_request", f"{message} {no_credits_moved}", param=param)


def invalid_key(message: str) -> ApiError:
    return ApiError(401, "invalid_api_key", message, headers={"WWW-Authenticate": "Bearer"})


def not_found(message: str) -> ApiError:
    return ApiError(404, "not_found", message)


def method_not_allowed(allowed: Sequence[str]) -> ApiError:
    names = ", ".join(allowed)
    message = _("This address only accepts %(methods)s.") % {"methods": names}
    return ApiError(405, "method_not_allowed", message, headers={"Allow": names})


def too_many_requests(code: str, message: str, *, retry_after_seconds: int) -> ApiError:
    return ApiError(429, code, message, headers={"Retry-After": str(retry_after_seconds)})


def unavailable() -> ApiError:
    """503 during an outage (`outages.py`)."""
    message = _(
        "The studio can't save anything right now: its disk is full, or its database is busy. If the request could "
        "cost credits, check the list of jobs before you send it again, or send it with the same Idempotency-Key."
    )
    return ApiError(503, "service_unavailable", message, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def internal_error() -> ApiError:
    message = _(
        "Something went wrong on our side. If the request could cost credits, check the list of jobs before you send "
        "it again, or send it with the same Idempotency-Key."
    )
    return ApiError(500, "internal_error", message)
