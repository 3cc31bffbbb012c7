"""Blocked addresses (SSRF protection). It must not resolve names, nor connect.

An artifact's URL must not reach what only the node or this pod may reach: loopback,
link-local, cloud metadata services. Addresses are checked, never names, since a name
can resolve to anything, and to something else a moment later.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from outbound.failures import Blocked

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254",  # AWS, Google, Azure, OpenStack
            "fd00:ec2::254",  # AWS
            "169.254.170.2",  # AWS ECS
            "169.254.170.23",  # AWS EKS
            "fd00:ec2::23",  # AWS EKS
            "fd20:ce::254",  # Google
            "100.100.100.200",  # Alibaba
            "168.63.129.16",  # Azure's host
            "192.0.0.192",  # Oracle
        ),
    )
)
NAT64 = ip_network("64:ff9b::/96")
LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
"""Networks may use any prefix within it (RFC 8215), with the IPv4 address at different offsets (RFC 6052)."""
LOCAL_FORMS = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
TRANSLATED = 0xFFFF0000
"""::ffff:0:0:0/96 (RFC 2765), without its last 32 bits."""


@dataclass(frozen=True)
class Guard:
    """Blocks addresses, except those in the ``allowed`` networks."""

    allowed: tuple[Network, ...] = ()

    def check(self, address: str) -> None:
        """Raises ``Blocked`` for an address that must not be connected to."""
        plain = ip_address(address.partition("%")[0])
        meant = (plain, *_embedded(plain))
        if any(_is_in(each, self.allowed) for each in meant):
            return
        for each in meant:
            if what := _kind(each):
                raise Blocked(
                    f"the URL resolves to {address}, {what}, which is blocked; the administrator can allow this address"
                )


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses embedded in an IPv6 address (mapped, translated, compatible, 6to4, Teredo, NAT64)."""
    if isinstance(address, IPv4Address):
        return ()
    ends_with_it = address in NAT64 or int(address) >> 32 in {0, TRANSLATED} or _is_isatap(address)
    found = (
        address.ipv4_mapped,
        address.sixtofour,
        address.teredo and address.teredo[1],
        IPv4Address(int(address) & 0xFFFFFFFF) if ends_with_it else None,
        *(_local_forms(address) if address in LOCAL_NAT64 else ()),
    )
    return tuple(each for each in found if each)


def _is_isatap(address: IPv6Address) -> bool:
    """RFC 5214, section 6.1."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE


def _local_forms(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses it may embed, by prefix length; zeros are inconclusive, since other lengths leave them."""
    for places in LOCAL_FORMS:
        found = IPv4Address(bytes(address.packed[place] for place in places))
        if int(found) >> 24:
            yield found


def _kind(address: Address) -> str:
    """Why an address is blocked; empty if it is not."""
    kinds = {
        "a metadata service": address in METADATA,
        "a loopback address": address.is_loopback,
        "a link-local address": address.is_link_local,
        "a multicast, broadcast or unspecified address": (
            address.is_multicast or address.is_unspecified or _is_this_network(address)
        ),
    }
    return next((name for name, applies in kinds.items() if applies), "")


def _is_this_network(address: Address) -> bool:
    """0.0.0.0/8, which Linux treats as loopback, and the broadcast address."""
    return isinstance(address, IPv4Address) and (int(address) >> 24 == 0 or int(address) == 0xFFFFFFFF)
