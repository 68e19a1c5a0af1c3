"""The one guarded way to reach a URL that a user gave.

A user's URL makes this machine open a connection for a stranger, so it may only ever reach the public internet. The
name is resolved once, every address must be globally routable (addresses.py), and the connection goes to exactly the
address that was checked (transport.py), so a different second DNS answer has no chance. `Host`, the TLS server name and
the certificate check keep the name in the URL. Redirects go through the same checks again.

Every failure looks the same to whoever gave the URL: a refused address, a closed port, a broken certificate and a
404 share one message, so nobody can use the studio to scan its own network.

Django isn't needed here: callers pass an `OutboundPolicy`.
"""

from tchavi_studio.outbound.addresses import PUBLIC_PORTS, OutboundPolicy, is_globally_routable
from tchavi_studio.outbound.exchange import FetchedFile, fetch_to_file, post_bytes
from tchavi_studio.outbound.transport import OutboundRefusedError, OutboundTooLargeError

__all__ = [
    "PUBLIC_PORTS",
    "FetchedFile",
    "OutboundPolicy",
    "OutboundRefusedError",
    "OutboundTooLargeError",
    "fetch_to_file",
    "is_globally_routable",
    "post_bytes",
]
