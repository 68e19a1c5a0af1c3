"""Back to the page that a form was sent from."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def return_url(request: HttpRequest, *, default: str) -> str:
    """The page that a form was sent from: its `next` field, else the referring page, else `default`.

    Never another site: then it is `default`.
    """
    target = request.POST.get("next") or request.headers.get("Referer", "")
    is_here = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if is_here else default
