"""Exchanges codes for buyers' ids and for merchants' grants (protocol §7).

A code can be used once, so nothing here is sent again after `unknown`.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gateway.alipay.methods.row import (
    Flag,
    Method,
    Params,
    ResponseData,
    UnusableResponse,
    prefixed,
    reads,
)
from gateway.alipay.protocol.envelope import AlipayResponse


class OauthParams(Params):
    """A buyer's code from the mini program, for the buyer's id."""

    grant_type: Literal["authorization_code"] = "authorization_code"
    code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]


def _buyer(response: AlipayResponse, _params: OauthParams) -> dict[str, Any]:
    """The id only: we use no access that the tokens give, so they are not passed on."""
    user_id, open_id = response.text("user_id"), response.text("open_id")
    if not (user_id or open_id):
        raise UnusableResponse("incomplete")
    return {"user_id": user_id or None, "open_id": open_id or None}


class AuthTokenParams(Params):
    """A merchant's code (one use) or refresh token, for the grant to act for the merchant."""

    grant_type: Literal["authorization_code", "refresh_token"]
    code: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    refresh_token: Annotated[str, Field(min_length=1, max_length=40)] | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        given = {"authorization_code": self.code, "refresh_token": self.refresh_token}
        if [name for name, value in given.items() if value is not None] != [self.grant_type]:
            raise ValueError("exactly the proof that grant_type names")
        return self


class AppAuthGrant(ResponseData):
    """The caller must seal it at once and never log or show it."""

    app_auth_token: str
    app_refresh_token: str | None = None
    auth_app_id: str
    user_id: str | None = None
    expires_in: str | None = None
    re_expires_in: str | None = None


def _granted(response: AlipayResponse, params: AuthTokenParams) -> dict[str, Any]:
    """One merchant's grant. The platform returns it as members, or only as the one list entry."""
    tokens = response.members.get("tokens")
    members = dict(response.members)
    if "app_auth_token" not in members and isinstance(tokens, list):
        if len(tokens) != 1 or not isinstance(tokens[0], dict):
            raise UnusableResponse("incomplete")
        members = tokens[0]
    return reads(AppAuthGrant, "app_auth_token", "auth_app_id")(
        replace(response, members=members), params
    )


class AuthTokenQueryParams(Params):
    app_auth_token: Annotated[str, Field(min_length=1, max_length=128)]


class AppAuthGrantState(ResponseData):
    auth_app_id: str | None = None
    user_id: str | None = None
    status: str | None = None
    auth_methods: list[str] | None = None
    auth_start: str | None = None
    auth_end: str | None = None
    is_by_app_auth: Flag = None


_ODD = prefixed("INVALID_PARAMETER", "")
_GRANT_REFUSALS = _ODD | prefixed(
    "AUTH_CODE_NOT_EXIST AUTH_CODE_NOT_VALID REFRESH_TOKEN_NOT_EXIST REFRESH_TOKEN_TIME_OUT"
    " GRANT_TYPE_INVALID APP_ID_NOT_CONSISTENT",
    "",
)
_CODE_REFUSALS = prefixed("code-invalid grant-type-invalid", "isv.")

AUTHORISATION: tuple[Method, ...] = (
    Method("alipay.system.oauth.token", OauthParams, _buyer, frozenset(), retry="never",
           timeout_s=5, is_flat=True, may_omit_code=True, gateway_refusals=_CODE_REFUSALS),
    Method("alipay.open.auth.token.app", AuthTokenParams,
           _granted, _GRANT_REFUSALS, retry="never",
           timeout_s=10, for_merchant=False),
    Method("alipay.open.auth.token.app.query", AuthTokenQueryParams,
           reads(AppAuthGrantState, "status"), _ODD, missing=prefixed("AUTH_TOKEN_NOT_FOUND", ""),
           retry="free", timeout_s=10, for_merchant=False),
)  # fmt: skip
