"""Errors outside the views (an unknown host name, a broken server) are JSON too under `/v1`."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from .dispatcher import new_request_id
from .errors import ApiError, internal_error, unavailable

API_PATHS = ("/v1/", "/api/v1/")

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
        elif response.status_code >= 500:
            error = internal_error()
        else:
            error = ApiError(response.status_code, "invalid_request", _("The request can't be answered."))
        error.headers["X-Request-Id"] = new_request_id()
        return error.response()

    return middleware
