"""The guard itself: what it keeps out, and what it lets through."""

import socket
import subprocess
import sys

import pytest

OUTSIDE = "192.0.2.1"  # reserved for documentation (RFC 5737): nobody answers there


def test_an_address_outside_is_refused_at_once():
    with pytest.raises(ConnectionRefusedError, match="out of reach"):
        socket.create_connection((OUTSIDE, 80), timeout=5)


def test_a_name_outside_is_not_even_looked_up():
    with pytest.raises(ConnectionRefusedError, match=r"example\.org"):
        socket.getaddrinfo("example.org", 80)


def test_this_computer_is_reached():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("localhost", port), timeout=5) as client:
            client.sendall(b"hello")
            assert server.accept()[0].recv(5) == b"hello"


def test_a_python_process_of_ours_is_kept_in_too():
    code = f"import socket; socket.create_connection(('{OUTSIDE}', 80), timeout=5)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode != 0
    assert "out of reach" in run.stderr
