"""A merchant's owner at the console's own API, without a browser."""

from types import TracebackType
from typing import Any, Self

import aiohttp

STEP_UP_NEEDED = "auth.step_up_needed"
SESSION = "__Host-damselfly="


class ConsoleRefused(Exception):
    """A problem that the platform answered."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')} {problem.get('title', '')}")
        self.status, self.code = status, str(problem.get("code", ""))


class ConsoleClient:
    """Signed in for the block's length: nothing stays in the owner's list of sessions."""

    def __init__(self, http: aiohttp.ClientSession, public: str, login: str, password: str) -> None:
        self._http = http
        self._base = f"{public}/api/merchant/v1"
        self._login, self._password = login, password
        self._headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        body = {"login": self._login, "password": self._password}
        self._headers["X-CSRF-Token"] = (await self.request("POST", "/session", body))["csrf_token"]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.request("DELETE", "/session")

    async def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer; ConsoleRefused for a problem. Confirms the password if a step-up
        is needed."""
        try:
            return await self._once(method, path, body)
        except ConsoleRefused as refused:
            if refused.code != STEP_UP_NEEDED:
                raise
        await self._once("POST", "/session/step-up", {"password": self._password})
        return await self._once(method, path, body)

    async def _once(self, method: str, path: str, body: Any) -> Any:
        async with self._http.request(
            method, self._base + path, json=body, headers=self._headers
        ) as answer:
            for cookie in answer.headers.getall("Set-Cookie", []):
                # It is a Secure cookie: a cookie jar would not send it over loopback.
                if cookie.startswith(SESSION):
                    self._headers["Cookie"] = cookie.partition(";")[0]
            document = await answer.json(content_type=None) if answer.content_length else {}
            if answer.status >= 400:
                raise ConsoleRefused(answer.status, document if isinstance(document, dict) else {})
            return document
