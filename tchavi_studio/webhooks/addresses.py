"""Which URLs messages may be sent to. `tchavi_studio.outbound` resolves host names anew for each attempt."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from tchavi_studio.outbound import PUBLIC_PORTS, OutboundPolicy

DEFAULT_PORTS = {"https": 443, "http": 80}


def outbound_policy() -> OutboundPolicy:
    """Messages may go to the public internet and to the peers the operator allows."""
    return OutboundPolicy(allowed_peers=frozenset(settings.STUDIO_OUTBOUND_ALLOW))


def url_problem(url: str) -> str:
    """Why messages can't be sent to `url`, for people; "" if they can.

    Messages go over https. Only peers the operator allows may use http or another port.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return _("Enter a valid URL, like https://example.org/webhooks.")
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not url.isprintable() or " " in url:
        return _("Enter a valid URL, like https://example.org/webhooks.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return _("Leave out the username, the password and anything after #.")
    if outbound_policy().exempts(parts.hostname, port):
        return ""
    if parts.scheme != "https":
        return _("The URL must start with https://, so that nobody can read messages in transit.")
    if port not in PUBLIC_PORTS:
        return _("Messages can only be sent to port 443.")
    return ""
