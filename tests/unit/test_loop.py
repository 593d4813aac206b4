"""The loop of the tests ends also when something was left open in it."""

import asyncio
import socket
import threading
import warnings

import pytest

from tests.conftest import pytest_asyncio_loop_factories

LIMIT_S = 20.0


@pytest.mark.parametrize("name", pytest_asyncio_loop_factories())
def test_a_connection_that_was_left_open_does_not_hold_up_the_end(name: str) -> None:
    """A thread of its own, because no time limit ends a loop that waits while it closes."""
    make = pytest_asyncio_loop_factories()[name]
    is_over = threading.Event()

    async def leave(host: str, port: int) -> None:
        await asyncio.get_running_loop().create_connection(asyncio.Protocol, host, port)

    def run(host: str, port: int) -> None:
        loop = make()
        loop.run_until_complete(leave(host, port))
        loop.close()
        is_over.set()

    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        warnings.catch_warnings(record=True) as said,
    ):
        threading.Thread(target=run, args=listening.getsockname(), daemon=True).start()
        assert is_over.wait(LIMIT_S)
    assert [str(one.message).partition(" closed=")[0] for one in said] == [
        "unclosed resource <TCPTransport"
    ]
