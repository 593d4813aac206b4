"""A service's app in this process, behind its own HTTP door, and somebody who calls there."""

import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx


@asynccontextmanager
async def served(app, name):
    """An HTTP client of the started app; what the app raises is the answer 500."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=f"http://{name}") as client,
    ):
        yield client


@dataclass
class Caller:
    """One caller's view of the service: a service token of the right kind on every request."""

    client: httpx.AsyncClient
    token: Callable[[], str]

    async def __call__(self, method, path, body=None, *, sent=None, **params):
        """`sent`: more headers, such as those that the edge adds."""
        return await self.client.request(
            method,
            path,
            content=None if body is None else json.dumps(body),  # in ASCII: also a lone surrogate
            params=params,
            headers={
                "Authorization": f"Bearer {self.token()}",
                "Content-Type": "application/json",
            }
            | (sent or {}),
        )


def callers(client, audience, service_keys, clock):
    """caller(issuer="gateway-edge", **facts) -> a Caller with tokens of that issuer."""

    def caller(issuer="gateway-edge", **facts):
        facts = {"kind": "service", "subject": issuer} | facts
        signer = service_keys.signer(issuer, clock)
        return Caller(client, lambda: signer.issue(audience, **facts))

    return caller
