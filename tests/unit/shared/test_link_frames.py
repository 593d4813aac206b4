"""The bytes of links, written here a second time, and peers that send odd ones."""

import asyncio
import contextlib
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import NoAnswer
from tests.fixtures.links import LinkFront
from tests.unit.shared.linked import PREFACE, calling, frame, post, read_frame

pytestmark = pytest.mark.asyncio


async def test_frames_in_pieces_of_any_size(peer):
    reader, writer = await asyncio.open_connection(*peer.at)
    with contextlib.closing(writer):
        sent = b"".join(frame(n, ["PUT", "/echo", [["A", "b"]]], b"%d" % n) for n in (5, 2, 2**63))
        writer.write(PREFACE)
        await asyncio.sleep(0.02)
        for at in range(len(sent)):
            writer.write(sent[at : at + 1])
            await asyncio.sleep(0)
        found = sorted([await read_frame(reader) for _ in range(3)])
    pairs = [["x-query", ""], ["a", "b"]]
    assert found == [(n, [201, pairs], b"%d" % n) for n in (2, 5, 2**63)]


async def test_a_second_implementation_of_the_server(peer):
    front = LinkFront()
    async with calling(f"http://127.0.0.1:{await front.start(peer.at[1])}") as client:
        found = await asyncio.gather(*(post(client, "/echo", b"%d" % n) for n in range(8)))
        assert [reply.content for reply in found] == [b"%d" % n for n in range(8)]
        assert front.opened == 4
    await front.stop()


@pytest.mark.parametrize(
    "odd",
    [
        struct.pack(">IQ", 2**32 - 1, 1), struct.pack(">IQ", 512 * 1024 + 1, 1),
        frame(1, "GET"), frame(1, ["GET"]), frame(1, ["GET", "/", [["a"]]]),
        frame(1, ["GET", "/", [["a", "茶"]]]), frame(1, [1, 2, 3]), struct.pack(">IQ", 0, 7),
        struct.pack(">IQ", 3, 7) + b"{]\n", struct.pack(">IQ", 2, 0) + b"[]",
        frame(1, ["MADE-UP", "/", []]),
    ],
)  # fmt: skip
async def test_an_odd_frame_ends_its_link_and_hurts_no_other(peer, odd):
    async with calling(peer.url) as client:
        reader, writer = await asyncio.open_connection(*peer.at)
        with contextlib.closing(writer):
            writer.write(PREFACE + odd + frame(8, ["POST", "/late", []]))
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
            assert (await post(client, "/echo", b"x")).content == b"x"
    assert peer.app.seen == [("POST", "/echo", b"x")]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(noise=st.lists(st.binary(max_size=60), max_size=6))
async def test_noise_hurts_no_other_link(peer, noise):
    _, writer = await asyncio.open_connection(*peer.at)
    with contextlib.closing(writer):
        writer.write(PREFACE + b"".join(noise))
        async with calling(peer.url) as client:
            assert (await post(client, "/echo", b"x")).content == b"x"


@settings(max_examples=60, deadline=None)
@given(answer=st.one_of(st.binary(max_size=80), st.sampled_from([
    frame(1, [200]), frame(1, "x"), frame(1, [200, [["a", "é茶"]]]), frame(1, ["x", []]),
    frame(2, [200, []]), frame(1, None), struct.pack(">IQ", 0, 1), struct.pack(">IQ", 0, 0),
])))  # fmt: skip
async def test_no_answer_is_made_of_what_is_none(answer):
    """The peer has received the request, and what it says is no response to it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(PREFACE))
        await read_frame(reader)
        writer.write(answer)
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with calling(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(NoAnswer):
            await post(client, "/echo", timeout_s=2)
    server.close()
