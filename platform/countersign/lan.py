"""The address under which others in the same network reach this machine."""

import ipaddress
import re
import socket

FIND = "1"
# An origin has at most 40 bytes, "https://" and a port among them.
_NAME = re.compile(r"(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*")
_MAX_NAME = 26
# Where a packet would go that is never sent: by the default route, or into a private network.
_FAR_ADDRESSES = ("192.0.2.1", "192.168.255.255", "10.255.255.255", "172.31.255.255")


def own_address(given: str) -> str:
    """Return the address or name that others can use.

    Args:
        given: An IPv4 address of this machine, a name that leads to it, or ``1`` to find an
            address.

    Raises:
        RuntimeError: there is none, or what was given cannot be used; the text says what to do.
    """
    if given == FIND:
        return _found_address()
    name = given.lower()
    if len(name) > _MAX_NAME or not (_is_address(name) or _NAME.fullmatch(name)):
        raise RuntimeError(
            f"LAN={given} is neither 1, nor an IPv4 address, nor a host name of at most "
            f"{_MAX_NAME} characters"
        )
    if not _is_ours(name):
        raise RuntimeError(f"{given} does not lead to this machine: LAN=1 finds its address")
    return name


def _found_address() -> str:
    for far in _FAR_ADDRESSES:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                # Chooses a way and sends nothing.
                probe.connect((far, 9))
            except OSError:
                continue
            address = str(probe.getsockname()[0])
        if not ipaddress.ip_address(address).is_loopback:
            return address
    raise RuntimeError(
        "this machine has no address in a network: connect it to the phone's, or name an address "
        "of it with LAN=192.168.1.5"
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_ours(name: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((name, 0))
        except OSError:
            return False
    return True
