"""One process of the control: python -m tests.bench.control ROLE [PORT]."""

import asyncio
import sys

import uvicorn

from tests.bench.control import edge, egress, payment, settings, workers
from tests.bench.control.models import Base

APPS = {"edge": edge.create_app, "egress": egress.create_app, "payment": payment.create_app}
KEEP_ALIVE_S = 75
"""uvicorn's own 5 s are also httpx's: now and then a client would write to a connection that its
server is just closing, and the payment would end in a 500."""
JOBS = {"relay": workers.relay, "order": workers.order, "campaign": workers.campaign}


async def create_tables() -> None:
    engine = settings.engine()
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


def main(role: str, port: str = "0") -> None:
    if role == "tables":
        asyncio.run(create_tables())
    elif role in JOBS:
        import uvloop

        uvloop.run(JOBS[role]())
    else:
        uvicorn.run(
            APPS[role](),
            host="127.0.0.1",
            port=int(port),
            log_level="warning",
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
