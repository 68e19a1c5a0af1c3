"""Which addresses count as public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.outbound import is_globally_routable


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",
        "2001:0:a9fe:a9fe::",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:a9fe:a9fe::",
        "2002:7f00:1::1",
        "3ffe::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700::1%eth0",
        "fec0::1",
        "ff02::1",
        "",
        "localhost",
        "0x7f.1",
        "2130706433",
        "127.1",
        "8.8.8.8:80",
        "[2606:4700::1]",
    ],
)
def test_a_non_public_address_is_refused(address: str) -> None:
    assert is_globally_routable(address) is False


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "168.63.129.17",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2003::1",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "3ffd::1",
        "3fff:1000::1",
    ],
)
def test_a_public_address_is_accepted(address: str) -> None:
    assert is_globally_routable(address) is True


@given(st.ip_addresses(v=4))
def test_no_special_ipv4_address_is_accepted(address: ipaddress.IPv4Address) -> None:
    special = address.is_private or address.is_multicast or address.is_reserved or address.is_unspecified
    if special or address.is_loopback or address.is_link_local:
        assert not is_globally_routable(str(address))


@given(st.ip_addresses(v=6))
def test_only_plain_global_unicast_ipv6_is_accepted(address: ipaddress.IPv6Address) -> None:
    embeds_ipv4 = address.ipv4_mapped or address.sixtofour or address.teredo
    if int(address) >> 125 != 0b001 or embeds_ipv4 or address.is_private or address.is_multicast:
        assert not is_globally_routable(str(address))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_ipv6_is_refused(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    dresses = [number, 0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x0064FF9B << 96 | number]
    for dress in dresses:
        assert not is_globally_routable(str(ipaddress.IPv6Address(dress)))
