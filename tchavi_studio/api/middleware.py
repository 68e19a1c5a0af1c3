"""Errors outside the views (an unknown host name, a broken server) are JSON too under `/v1`."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .dispatcher import new_request_id
from .errors import ApiError, internal_error, unavailable

API_PATHS = ("/v1/", "/api/v1/")

UNREAD = {
    408: ("request_timeout", gettext_lazy("The body arrived too slowly. No credits moved: send it again.")),
    413: ("payload_too_large", gettext_lazy("The body is too large. No credits moved.")),
    414: ("uri_too_long", gettext_lazy("The address is too long. No credits moved.")),
    431: ("headers_too_large", gettext_lazy("The headers are too large. No credits moved.")),
    501: ("not_implemented", gettext_lazy("The only transfer encoding is chunked. No credits moved.")),
}
"""Code and message for what the web server refuses to read."""

Next = Callable[[HttpRequest], HttpResponseBase]


def errors_as_json(get_response: Next) -> Next:
    """The outermost middleware: turns an error page under `/v1` into the contract's error."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_error = response.status_code >= 400
        if not (is_error and request.path_info.startswith(API_PATHS)):
            return response
        if response.headers.get("Content-Type") == "application/json":
            return response
        if response.status_code == 503:
            error = unavailable()
        elif response.status_code >= 500 and response.status_code not in UNREAD:
            error = internal_error()
        else:
            otherwise = ("invalid_request", _("The request can't be answered. No credits moved."))
            code, message = UNREAD.get(response.status_code, otherwise)
            error = ApiError(response.status_code, code, str(message))
        error.headers["X-Request-Id"] = new_request_id()
        return error.response()

    return middleware
