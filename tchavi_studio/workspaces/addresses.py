"""Where the studio is for its people, and where they are."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest


def public_origin(request: HttpRequest | None = None) -> str:
    """Such as `https://studio.example.org`: STUDIO_PUBLIC_URL if set, else the address this request was sent to.

    Without a request, this machine's.
    """
    if settings.STUDIO_PUBLIC_URL or request is None:
        return settings.STUDIO_PUBLIC_URL or f"http://127.0.0.1:{settings.PORT}"
    return f"{request.scheme}://{request.get_host()}"


def client_address(request: HttpRequest) -> str | None:
    """The client's IP address: only as many proxies as STUDIO_PROXY_COUNT says are believed.

    None if it can't be told, as when the request has come through fewer.
    """
    try:
        address: str = get_adapter(request).get_client_ip(request)
    except (PermissionDenied, ImproperlyConfigured):
        return None
    return address
