"""Rules of merchants, stores and accounts: roles, logins, passwords, and the problems. The rules of
handles are in `logins`.

Problem
├── InvalidBody         WeakPassword UnknownStores         422
├── Forbidden           OwnChange NotYetApprover           403
│                       MerchantIsSuspended                403
└── Conflict            LoginTaken MerchantExists          409
                        StoreNameTaken StaleVersion        409
                        FirstRunOver                       409
"""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from services.binding.tenancy import logins
from shared.errors import Conflict, Forbidden, InvalidBody

Console = Literal["merchant", "operator"]

PASSWORD_MIN = 12
PASSWORD_MAX = 128
PASSWORD_LETTERS_MIN = 5
OWN_WORD_MIN = 3
"""Shorter names are not looked for: too many good passwords contain them."""


class WeakPassword(InvalidBody):
    code = "binding.weak_password"
    title = "密码太弱 The password is too weak."


class LoginTaken(Conflict):
    code = "binding.login_taken"
    title = "该账号已被使用 This login is in use."


class MerchantExists(Conflict):
    code = "binding.merchant_exists"
    title = "该商户编号已存在 A merchant of that id exists."


class StoreNameTaken(Conflict):
    code = "binding.store_name_taken"
    title = "已有同名门店 A store of that name exists."


class StaleVersion(Conflict):
    code = "binding.stale_version"
    title = "内容已被他人修改，请刷新后再保存 Somebody changed it meanwhile; reload, then save."


class UnknownStores(InvalidBody):
    code = "binding.unknown_stores"
    title = "门店不存在或该角色不能限定门店 Unknown stores, or a role that is not bound to stores."


class OwnChange(Forbidden):
    code = "binding.own_change"
    title = "需要另一位有权限的人批准 Somebody else has to approve it."


class FirstRunOver(Conflict):
    code = "binding.first_run_over"
    title = "平台已有管理员，请直接登录 The platform has its operator; please sign in."


class NotYetApprover(Forbidden):
    code = "binding.not_yet_approver"
    title = "该账号还不能复核他人的变更 This account cannot approve changes yet."


class MerchantIsSuspended(Forbidden):
    """Raised only for callers who know the password, or have a one-time link or the cookie of a
    session that the suspension has ended."""

    code = "binding.merchant_suspended"
    title = (
        "商户已被平台停用，暂不能登录，请联系平台 "
        "The platform has suspended this merchant; nobody can sign in. Please ask the platform."
    )


class ApprovalNeeded(Exception):
    """Dual control requires a second person. The change is valid, and has not been made."""


class Role(StrEnum):
    """The role of an account; an account never has roles of both kinds."""

    OPERATOR_ADMIN = "operator_admin"
    OPERATOR_OPS = "operator_ops"
    MERCHANT_OWNER = "merchant_owner"
    MERCHANT_FINANCE = "merchant_finance"
    CASHIER = "cashier"
    AUDITOR = "auditor"

    @property
    def console(self) -> Console:
        return "operator" if self.value.startswith("operator_") else "merchant"

    @property
    def is_head(self) -> bool:
        """Whether the account can manage the others of its organisation."""
        return self in {Role.OPERATOR_ADMIN, Role.MERCHANT_OWNER}


def require_console(role: Role, console: Console) -> None:
    """Forbidden for an account of the other console."""
    if role.console != console:
        raise Forbidden(f"this account belongs to the {role.console} console")


def sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def login_digest(login: str) -> str:
    return sha256_hex(logins.canonical(login))


def check_password(password: str, own_words: Sequence[str], *, field: str = "/password") -> None:
    """Raises WeakPassword. Length counts, composition does not (ASVS 6.2). `own_words`: the login,
    and the names of the person and the merchant. `Passwords` checks for common passwords."""
    faults = []
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        faults.append(
            f"长度 {PASSWORD_MIN} 至 {PASSWORD_MAX} 个字符 "
            f"{PASSWORD_MIN} to {PASSWORD_MAX} characters"
        )
    if len(set(password)) < PASSWORD_LETTERS_MIN:
        faults.append(
            f"至少 {PASSWORD_LETTERS_MIN} 种不同的字符 "
            f"at least {PASSWORD_LETTERS_MIN} different characters"
        )
    bare = _bare(password)
    if any(len(word) >= OWN_WORD_MIN and word in bare for word in map(_bare, own_words)):
        faults.append("不能包含账号、姓名或商户名 must not contain the login or a name of yours")
    if faults:
        raise WeakPassword(errors=[{"pointer": field, "message": fault} for fault in faults])


def _bare(text: str) -> str:
    """The letters and digits only, so that blanks and dashes make no difference."""
    return "".join(c for c in logins.canonical(text) if c.isalnum())
