"""Says why a request wasn't read: the web server gave up on it, and asks only for a page that explains it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from tchavi_studio.outages import RETRY_AFTER_SECONDS

REFUSAL = "studio.refusal"
"""In the WSGI environment, the status of such a request. No header can set it."""

PAGES = {408: "408.html", 413: "413.html", 503: "503.html"}

Next = Callable[[HttpRequest], HttpResponseBase]


def explain_unread_requests(get_response: Next) -> Next:
    """Middleware: answers these requests, whose address and fields may be incomplete, before anything reads them."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        status = request.META.get(REFUSAL)
        if status is None:
            return get_response(request)
        response = render(request, PAGES.get(status, "400.html"), status=status)
        if status == 503:
            response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response

    return middleware
