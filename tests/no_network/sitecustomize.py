"""Python imports this by itself where the folder is on PYTHONPATH: the process and all
its children then reach nothing but this computer, so a test that needs the network
fails even where there is one. The hook is below every library and cannot be removed.
"""

import ipaddress
import socket
import sys

NAMES = {"", "localhost", socket.gethostname()}
CALLS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname"}


def is_local(host):
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        place = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return name in NAMES
    return place.is_loopback or place.is_unspecified


def guard(event, arguments):
    if event in CALLS:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a local socket
    elif event in LOOKUPS:
        host = arguments[0]
    else:
        return
    if not is_local(host):
        raise ConnectionRefusedError(f"the tests keep {host!r} out of reach")


sys.addaudithook(guard)
