"""The studio's address as people see it."""

from django.conf import settings
from django.http import HttpRequest


def public_origin(request: HttpRequest) -> str:
    """Such as `https://studio.example.org`: STUDIO_PUBLIC_URL if set, else the address this request was sent to."""
    return settings.STUDIO_PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
