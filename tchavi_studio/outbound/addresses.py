"""Which addresses a user's URL may reach."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

PUBLIC_PORTS = frozenset({80, 443})

# IANA's special-purpose registry, plus what clouds hang on public addresses. Written out because the standard
# library's `is_global` differs between Python releases and lets multicast and 192.0.0.192 through.
_SPECIAL_IPV4_NETWORKS = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; one cloud's metadata service at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # one cloud's host service on a public address
        "169.254.0.0/16",  # link local; most clouds' metadata service
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata service at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_IPV6_NETWORK = ipaddress.IPv6Network("2000::/3")
_SPECIAL_IPV6_NETWORKS = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the 6bone, returned
        "3fff::/20",  # documentation
    )
)

Resolver = Callable[[str, int], Sequence[str]]
"""Answers all addresses of a host name, as text. Raises `OSError` when there are none."""


class AddressNotAllowedError(Exception):
    """The policy forbids this host, port or URL. Never leaves the package."""


def is_globally_routable(address: str) -> bool:
    """Whether `address` (IPv4 or IPv6 text, as a resolver answers it) is a unicast address of the public internet.

    Anything but a plain address, such as one with a zone, isn't.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _SPECIAL_IPV4_NETWORKS)
    if parsed.scope_id is not None or parsed not in _GLOBAL_IPV6_NETWORK:
        return False
    return not any(parsed in network for network in _SPECIAL_IPV6_NETWORKS)


def resolve_host(host: str, port: int) -> list[str]:
    """All addresses of `host` as this machine's resolver answers them, in its order of preference."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


@dataclass(frozen=True, kw_only=True)
class OutboundPolicy:
    """Which hosts the studio may reach for a user.

    `allowed_peers` are written "host:port", as in a URL (IPv6 in brackets). Each exempts exactly that name and port
    from the address and port rules, not other names that resolve to the same place.
    """

    allowed_peers: frozenset[str] = frozenset()
    resolve: Resolver = field(default=resolve_host)

    def exempts(self, host: str, port: int) -> bool:
        """Whether the address and port rules don't apply to `host` at `port`."""
        peer = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return peer.lower() in {allowed.strip().lower() for allowed in self.allowed_peers}

    def addresses_of(self, host: str, port: int) -> Sequence[str]:
        """Resolve `host` once and return the addresses to connect to.

        Raises `AddressNotAllowedError` if the port or even one address isn't allowed, and `OSError` if there is none.
        """
        exempt = self.exempts(host, port)
        if not exempt and port not in PUBLIC_PORTS:
            raise AddressNotAllowedError
        addresses = self.resolve(host, port)
        if not exempt and not all(is_globally_routable(address) for address in addresses):
            raise AddressNotAllowedError
        return addresses
