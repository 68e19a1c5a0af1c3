"""What a start says about itself, and when it is refused: a studio must not be its own provider, or change its mode
because a variable was renamed.
"""

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from tchavi_studio.api.queries import key_by_text
from tchavi_studio.generations.price_versions.queries import ignored_overrides
from tchavi_studio.generations.upstream.models import UpstreamAccount
from tchavi_studio.ledger.models import Account, Book

OURS_BY_CLIENTS = {
    "TCHAVI_API_KEY": "STUDIO_PROVIDER_API_KEY",
    "TCHAVI_BASE_URL": "STUDIO_PROVIDER_URL",
    "TCHAVI_ACCOUNT_EXCLUSIVE": "STUDIO_PROVIDER_EXCLUSIVE",
}
"""Our settings by the client's variables, which once were the server's too."""


class StartRefusedError(Exception):
    """The studio must not start like this. The message is one sentence for the operator."""


def check_start() -> None:
    """Raise StartRefusedError if this start would do harm. Expects a migrated database."""
    if settings.STUDIO_MODE == "live":
        if _is_own_address(settings.STUDIO_PROVIDER_URL):
            raise StartRefusedError(
                f"STUDIO_PROVIDER_URL is {settings.STUDIO_PROVIDER_URL}, which is this studio itself: it can't be its "
                "own provider."
            )
        if key_by_text(settings.STUDIO_PROVIDER_API_KEY) is not None:
            raise StartRefusedError(
                "STUDIO_PROVIDER_API_KEY is a key of this studio itself: it can't be its own provider."
            )
    elif "TCHAVI_API_KEY" in _clients_alone() and _has_been_live():
        raise StartRefusedError(
            "This studio has been live, but the server's variables have new names: "
            + ", ".join(f"set {OURS_BY_CLIENTS[name]} instead of {name}" for name in _clients_alone())
            + "."
        )


def start_lines() -> Iterator[str]:
    """What the operator should see at each start."""
    is_live = settings.STUDIO_MODE == "live"
    provider = settings.STUDIO_PROVIDER_URL if is_live else "none"
    yield f"Mode: {settings.STUDIO_MODE}. Provider: {provider}. Database: {_database()}."
    for name in _clients_alone():
        if is_live or name == "TCHAVI_API_KEY":
            yield f"{name} is for the client and changes nothing here; the server reads {OURS_BY_CLIENTS[name]}."
    if is_live and settings.STUDIO_SIGNUP == "open" and settings.STUDIO_SIGNUP_CREDITS:
        yield (
            f"Warning: anybody can sign up and gets {settings.STUDIO_SIGNUP_CREDITS} real credits, because of "
            "STUDIO_SIGNUP and STUDIO_SIGNUP_CREDITS."
        )
    if ignored := ignored_overrides():
        yield (
            f"Warning: STUDIO_PRICES differs from the prices in force ({', '.join(ignored)}) and changes nothing. "
            "Prices are changed under Site, Prices; remove STUDIO_PRICES."
        )


def _clients_alone() -> list[str]:
    """The client's variables that are set while ours aren't."""
    return [client for client, ours in OURS_BY_CLIENTS.items() if os.environ.get(client) and not os.environ.get(ours)]


def _has_been_live() -> bool:
    return UpstreamAccount.objects.exists() or Account.objects.filter(book=Book.LIVE).exists()


def _is_own_address(url: str) -> bool:
    host, port = _host_and_port(url)
    if settings.STUDIO_PUBLIC_URL and (host, port) == _host_and_port(settings.STUDIO_PUBLIC_URL):
        return True
    names = {settings.HOST.lower(), "localhost", "::1", "0.0.0.0", "::", socket.gethostname().lower()}  # noqa: S104
    return port == settings.PORT and (host in names or host.startswith("127."))


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}[parts.scheme]


def _database() -> str:
    """Which database is in use, without its password."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"SQLite, {at['NAME']}"
    return f"PostgreSQL, {at['NAME']} at {at['HOST'] or 'this machine'}"
