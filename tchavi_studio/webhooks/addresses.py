"""Which addresses may be told. Where a name leads is looked up at each sending, by `tchavi_studio.outbound`."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from tchavi_studio.outbound import PUBLIC_PORTS, OutboundPolicy

DEFAULT_PORTS = {"https": 443, "http": 80}


def outbound_policy() -> OutboundPolicy:
    """Whom messages may be sent to: the public internet, and the peers that the operator exempts."""
    return OutboundPolicy(allowed_peers=frozenset(settings.STUDIO_OUTBOUND_ALLOW))


def address_problem(url: str) -> str:
    """Why no message may be sent to `url`, for people; "" if it may be tried.

    Messages go over https. Only to the operator's exempted peers may they go over http, or to another port.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return _("This is no address. It should look like https://example.org/webhooks.")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not url.isprintable() or " " in url:
        return _("This is no address. It should look like https://example.org/webhooks.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return _("Leave out user name, password and the part after #.")
    if outbound_policy().exempts(parts.hostname, port):
        return ""
    if parts.scheme != "https":
        return _("The address must begin with https://, so that nobody on the way can read the messages.")
    if port not in PUBLIC_PORTS:
        return _("Messages can be sent to port 443 only.")
    return ""
