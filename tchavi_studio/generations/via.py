"""The studios that a clip's request has come through.

A studio's provider may be another studio. If that one's provider is the first again, one clip would go round and be
charged for ever. So each studio adds its name to a header of what it submits, and refuses what has its own name in it.
"""

import re

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from tchavi_studio.refusals import UserFacingError

MAX_STUDIOS = 4
"""As many as a request may have come through: each of them waits for the next, and a clip's links expire."""

SALT = "tchavi_studio.generations.via"
NAMES = re.compile(r"[0-9a-f]{16}(, ?[0-9a-f]{16})*")


class RequestLoopError(UserFacingError):
    """The request has been here before, or has come through too many studios."""

    def __init__(self) -> None:
        super().__init__(
            _(
                "This request came from a studio whose provider is this studio, directly or through others. No credits "
                "moved. Ask that studio's admin to set STUDIO_PROVIDER_URL to the provider itself."
            )
        )


def own_name() -> str:
    """This studio's name in the header. It says nothing about the studio, whose machines share it with the address."""
    return salted_hmac(SALT, f"{settings.STUDIO_PUBLIC_URL} {settings.PORT}", algorithm="sha256").hexdigest()[:16]


def checked_via(header: str) -> str:
    """The names in a request's header, as a clip keeps them. Raises RequestLoopError if it must not be accepted."""
    if not header:
        return ""
    names = header.split(",") if NAMES.fullmatch(header) else []
    via = [name.strip() for name in names]
    if not via or own_name() in via or len(via) > MAX_STUDIOS:
        raise RequestLoopError
    return ",".join(via)


def extended_via(via: str) -> str:
    """The header for the provider: a clip's names, and this studio's."""
    return ",".join([*filter(None, [via]), own_name()])
