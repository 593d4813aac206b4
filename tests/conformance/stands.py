"""A stack for a program of this folder: one of its own, or one that already runs."""

import argparse
import asyncio
import json
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.load import Connection, Device, face_code, signed_request
from tests.fixtures.console import Console, Enrolled
from tests.fixtures.processes import Stack, new_stack, remove_stack

HEARD_TRIES = 50
PENDING_S = 3600
"""Payments may stay open for as long as a program needs them to."""


def arguments(program: str, what: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=what)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--run-dir", type=Path, metavar="DIR", help="of a stack that runs; else one is started"
    )
    return parser


@contextmanager
def standing(run_dir: Path | None) -> Iterator[Stack]:
    """The given stack, left as it is; or a new one, removed afterwards."""
    if run_dir is not None:
        yield Stack(run_dir, 0)
        return
    stack = new_stack(PAYMENT_DEADLINE_S=str(PENDING_S))
    try:
        yield stack.up()
    finally:
        remove_stack(stack)


async def enrolled(stack: Stack) -> Enrolled:
    """A new till in the demo store."""
    demo = stack.info["demo"]
    owner = demo["owner"]
    async with Console(stack.public, owner["login"], owner["password"]) as console:
        return await console.enrol(demo["store_id"], f"CONF{secrets.token_hex(4)}")


async def paid(public: str, till: Enrolled, size: int, status_wanted: str = "paid") -> list[str]:
    """That many payments, four at a time; the numbers of those that are as wanted. An app that was
    bound a moment ago is on its way to payment as an event. Codes and ids are never repeated: a
    stack that runs has seen the ones before."""
    rng = random.SystemRandom()
    host, port = public.removeprefix("http://").split(":")
    device = Device(till.device_id, till.key_id, till.key)
    found: list[str] = []
    left = iter(range(size))

    async def one_way() -> None:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, host, int(port)
        )
        for _ in left:
            body = {
                "pay_request_id": f"c{rng.randrange(10**20)}",
                "amount_fen": rng.randrange(1, 100_000),
                "auth_code": face_code(rng),
            }
            raw = json.dumps(body).encode()
            for _ in range(HEARD_TRIES):
                request = signed_request(device, f"{host}:{port}", raw)
                status, answer = await connection.send(request)
                if status not in (404, 409):
                    break
                await asyncio.sleep(0.2)
            assert status == 200, answer
            document = json.loads(answer)
            if document["status"] == status_wanted:
                found.append(document["out_trade_no"])
        connection.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(one_way())
    return found
