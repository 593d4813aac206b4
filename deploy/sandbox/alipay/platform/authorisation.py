"""Who may act for whom: application tokens of an ISV, and the tokens of a buyer."""

import json
import secrets
from typing import Any

from deploy.sandbox.alipay.apps.calls import Account, Call
from deploy.sandbox.alipay.books.trade_row import BUYERS
from deploy.sandbox.alipay.platform import accounts, messages
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit import clock
from deploy.sandbox.kit.ledger import Tx

OF_APP = "alipay.open.auth.token.app"
QUERY = "alipay.open.auth.token.app.query"
OF_BUYER = "alipay.system.oauth.token"
DAY_S = 86_400
CODE_S = DAY_S
TOKEN_S = 365 * DAY_S
REFRESH_S = 372 * DAY_S
BUYER_CODE_S = 180
BUYER_TOKEN_S = 15 * DAY_S
BUYER_REFRESH_S = 30 * DAY_S
NOT_AUTHORISED = "20001"
USE_CODE = "UPDATE app_auth_codes SET is_used = 1 WHERE code = ?"
INSERT = "INSERT INTO app_auth_tokens VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?)"
FIND = "SELECT * FROM app_auth_tokens WHERE token = ?"


def issue_code(
    tx: Tx, isv_app_id: str, auth_app_id: str | None, methods: list[str] | None
) -> dict[str, Any]:
    """The merchant agrees on the authorisation page."""
    mini = accounts.create(tx, auth_app_id)
    code = f"P{secrets.token_hex(16)}"
    tx.execute(
        "INSERT INTO app_auth_codes VALUES (?, ?, ?, ?, 0, ?)",
        code,
        isv_app_id,
        mini.app_id,
        tx.notify_now + CODE_S * 1000,
        json.dumps(methods),
    )
    detail = {"app_auth_code": code, "app_id": isv_app_id, "auth_app_id": mini.app_id}
    biz = {**detail, "auth_time": tx.now_ms, "user_id": mini.seller_id}
    messages.emit_authorised(tx, isv_app_id, mini.app_id, {"detail": biz})
    return {**detail, "user_id": mini.seller_id, "expires_in": CODE_S}


def revoke(tx: Tx, isv_app_id: str, auth_app_id: str) -> int:
    """The merchant withdraws all tokens of the ISV."""
    rows = tx.all(
        "SELECT token FROM app_auth_tokens WHERE isv_app_id = ? AND auth_app_id = ?",
        isv_app_id,
        auth_app_id,
    )
    for row in rows:
        tx.execute("DELETE FROM app_auth_tokens WHERE token = ?", row["token"])
    if rows:
        biz = {"auth_app_id": auth_app_id, "app_id": isv_app_id, "cancel_time": tx.now_ms}
        messages.emit(tx, isv_app_id, "alipay.open.auth.appauth.cancelled", biz)
    return len(rows)


def token_app(tx: Tx, call: Call) -> Node:
    grant = call.text("grant_type", 20, is_needed=True)
    if grant == "authorization_code":
        isv, auth_app_id, methods = _by_code(tx, call)
    elif grant == "refresh_token":
        isv, auth_app_id, methods = _by_refresh(tx, call)
    else:
        raise Refused("GRANT_TYPE_INVALID")
    mini = accounts.require(tx, auth_app_id)
    token, refresh = (f"202611BB{secrets.token_hex(16)}" for _ in range(2))
    now = tx.notify_now
    tx.execute(
        INSERT,
        token,
        refresh,
        isv,
        auth_app_id,
        now,
        now + TOKEN_S * 1000,
        now + REFRESH_S * 1000,
        methods,
    )
    fields = {
        "app_auth_token": token,
        "app_refresh_token": refresh,
        "auth_app_id": auth_app_id,
        "user_id": mini.seller_id,
        "expires_in": TOKEN_S,
        "re_expires_in": REFRESH_S,
    }
    return success(**fields, tokens=[fields])


def _by_code(tx: Tx, call: Call) -> tuple[str, str, str]:
    code = call.text("code", 40, is_needed=True)
    row = tx.one("SELECT * FROM app_auth_codes WHERE code = ?", code)
    if row is None:
        raise Refused("AUTH_CODE_NOT_EXIST")
    if row["isv_app_id"] != call.app.app_id:
        raise Refused("APP_ID_NOT_CONSISTENT")
    if row["is_used"] or tx.notify_now >= row["expires"]:
        raise Refused("AUTH_CODE_NOT_VALID")
    tx.execute(USE_CODE, code)
    return row["isv_app_id"], row["auth_app_id"], row["methods"]


def _by_refresh(tx: Tx, call: Call) -> tuple[str, str, str]:
    refresh = call.text("refresh_token", 40, is_needed=True)
    row = tx.one("SELECT * FROM app_auth_tokens WHERE refresh_token = ?", refresh)
    if row is None or row["is_refreshed"]:
        raise Refused("REFRESH_TOKEN_NOT_EXIST")
    if row["isv_app_id"] != call.app.app_id:
        raise Refused("APP_ID_NOT_CONSISTENT")
    if tx.notify_now >= row["refresh_expires"]:
        raise Refused("REFRESH_TOKEN_TIME_OUT")
    tx.execute("UPDATE app_auth_tokens SET is_refreshed = 1 WHERE token = ?", row["token"])
    return row["isv_app_id"], row["auth_app_id"], row["methods"]


def token_app_query(tx: Tx, call: Call) -> Node:
    row = tx.one(FIND, call.text("app_auth_token", 40, is_needed=True))
    if row is None or row["isv_app_id"] != call.app.app_id:
        raise Refused("AUTH_TOKEN_NOT_FOUND")
    mini = accounts.require(tx, row["auth_app_id"])
    left_s = (row["expires"] - tx.notify_now) // 1000
    return success(
        auth_app_id=mini.app_id,
        user_id=mini.seller_id,
        status="valid" if left_s > 0 else "invalid",
        expires_in=max(left_s, 0),
        auth_methods=json.loads(row["methods"]) or [],
        auth_start=clock.beijing(row["starts"]),
        auth_end=clock.beijing(row["expires"]),
        is_by_app_auth=True,
    )


def resolve(tx: Tx, call: Call, token: str) -> Account:
    """The merchant that a token acts for; refusals are of the family 20001."""
    row = tx.one(FIND, token)
    if row is None or row["isv_app_id"] != call.app.app_id:
        raise Refused("aop.invalid-app-auth-token", code=NOT_AUTHORISED)
    if tx.notify_now >= row["expires"]:
        raise Refused("aop.app-auth-token-time-out", code=NOT_AUTHORISED)
    methods = json.loads(row["methods"])
    if methods is not None and call.method not in methods:
        raise Refused("aop.invalid-app-auth-token-no-api", code=NOT_AUTHORISED)
    mini = accounts.require(tx, row["auth_app_id"])
    return Account(mini.app_id, mini.seller_id, call.app.buyer_ids, call.app.app_id)


def isvs_of(tx: Tx, auth_app_id: str) -> list[str]:
    rows = tx.all(
        "SELECT DISTINCT isv_app_id FROM app_auth_tokens WHERE auth_app_id = ? AND expires > ?",
        auth_app_id,
        tx.notify_now,
    )
    return [row["isv_app_id"] for row in rows]


def issue_buyer_code(tx: Tx, app_id: str, buyer_no: int | None) -> dict[str, Any]:
    """What my.getAuthCode gives to the mini program."""
    number = secrets.randbelow(BUYERS) if buyer_no is None else buyer_no
    code = secrets.token_hex(16)
    expires = tx.notify_now + BUYER_CODE_S * 1000
    tx.execute("INSERT INTO buyer_codes VALUES (?, ?, ?, ?, 0)", code, app_id, number, expires)
    return {"auth_code": code, "app_id": app_id, "expires_in": BUYER_CODE_S}


def oauth_token(tx: Tx, call: Call) -> Node:
    """Its fields travel as parameters of their own, not in biz_content."""
    grant = call.text("grant_type", 20)
    if grant == "authorization_code":
        code = call.text("code", 40)
        row = tx.one("SELECT * FROM buyer_codes WHERE code = ?", code)
        is_good = row is not None and row["app_id"] == call.owner.app_id and not row["is_used"]
        if row is None or not is_good or tx.notify_now >= row["expires"]:
            raise Refused("isv.code-invalid", code="40002")
        tx.execute("UPDATE buyer_codes SET is_used = 1 WHERE code = ?", code)
    elif grant == "refresh_token":
        row = tx.one(
            "SELECT * FROM buyer_tokens WHERE refresh_token = ?", call.text("refresh_token", 40)
        )
        if row is None or row["app_id"] != call.owner.app_id:
            raise Refused("isv.refresh-token-invalid", code="40002")
        if tx.notify_now >= row["expires"]:
            raise Refused("isv.refresh-token-time-out", code="40002")
        tx.execute("DELETE FROM buyer_tokens WHERE refresh_token = ?", row["refresh_token"])
    else:
        raise Refused("isv.grant-type-invalid", code="40002")
    return _buyer_token(tx, call, row["buyer_no"])


def _buyer_token(tx: Tx, call: Call, buyer_no: int) -> Node:
    access, refresh = (f"authbseB{secrets.token_hex(16)}" for _ in range(2))
    expires = tx.notify_now + BUYER_REFRESH_S * 1000
    tx.execute(
        "INSERT INTO buyer_tokens VALUES (?, ?, ?, ?)",
        refresh,
        call.owner.app_id,
        buyer_no,
        expires,
    )
    return success(
        **accounts.buyer_ids(call.owner, buyer_no),
        access_token=access,
        expires_in=BUYER_TOKEN_S,
        refresh_token=refresh,
        re_expires_in=BUYER_REFRESH_S,
        auth_start=clock.beijing(tx.notify_now),
    )


METHODS = {OF_APP: token_app, QUERY: token_app_query, OF_BUYER: oauth_token}
