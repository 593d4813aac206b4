"""Rules of binding: roles, passwords, the login brake, session lifetimes, and what goes wrong;
of acting: `acting_rules`, of handles: `logins`.

Problem
├── InvalidBody         WeakPassword UnknownStores         422
├── Unauthorized        BadCredentials                     401  one answer for every wrong login
├── Forbidden           WrongPassword OwnRights OwnChange  403  a password asked for again; oneself
│                       CodeNeeded WrongCode               403  the password was right
│                       WrongPasskey                       403
│                       ├── PasskeyLate PasskeyCopied      403
│                       SetupCodeWrong LinkWrong           403
│                       NotYetApprover MerchantSuspended  403
├── TooMany             LoginBraked                        429  with retry_after_s
└── Conflict            LoginTaken MerchantExists          409
                        StoreNameTaken LastOwner           409
                        AppBoundElsewhere StaleVersion     409
                        RowBlocked RowNotRun NotDoneByHand 409
                        RowRunning                         409
                        ChangeDecided SecondFactorSet      409
                        FirstRunOver SecondFactorRequired  409
                        PasskeyKnown PasskeysFull          409
                        PasskeysUnavailable TooManyChanges 409
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from services.binding import logins
from shared.errors import Conflict, Forbidden, InvalidBody, TooMany, Unauthorized

Console = Literal["merchant", "operator"]

PLATFORM = UUID(int=0)
"""The tenant of rows that belong to no merchant: the brake on logins, known or not."""

APP_ID = r"^[0-9]{16}$"
SELLER_ID = r"^2088[0-9]{12}$"
API_KEY_ID = r"^[0-9A-Za-z_-]{1,64}$"

PASSWORD_MIN = 12
PASSWORD_MAX = 128
PASSWORD_LETTERS_MIN = 5
OWN_WORD_MIN = 3
"""A name of two characters is in too many passwords to be refused."""

FORGET_TRIES_AFTER = timedelta(hours=24)

KNOWN_BROWSER_DAYS = 180
KNOWN_BROWSERS_MAX = 20
"""A person's; the one seen longest ago goes first."""
LINK_LIFETIME = timedelta(hours=24)
RENEWAL_GRACE = timedelta(seconds=30)
"""How long a session's former cookie still counts: requests were under way with it."""

SESSION_LIFETIME = timedelta(hours=12)
SESSION_IDLE = timedelta(hours=2)
TOUCH_EVERY = timedelta(minutes=1)

STEP_UP_WINDOW = timedelta(minutes=5)
"""How long an entered password vouches for refunds, keys and roles (ASVS 7.5.3)."""

RETIRE_AFTER_H_MAX = 30 * 24
RETIRED_KEY_GRACE = timedelta(hours=24)
"""Answers and notifications signed before a rotation arrive after it for at most this long."""


class WeakPassword(InvalidBody):
    code = "binding.weak_password"
    title = "密码太弱 The password is too weak."


class BadCredentials(Unauthorized):
    code = "auth.bad_credentials"
    title = "账号或密码不正确 The login or the password is not right."


class LoginBraked(TooMany):
    code = "auth.login_braked"
    title = "尝试过多，请稍后再登录 Too many attempts; please wait."


class CodeNeeded(Forbidden):
    """The password was right: at the sign-in, and at the step-up."""

    code = "auth.code_needed"
    title = "请完成两步验证 A second factor is needed: a code of your app, or a passkey."


class WrongCode(Forbidden):
    code = "auth.wrong_code"
    title = "验证码不正确或已用过 The code is not right, or was used already."


class WrongPasskey(Forbidden):
    """Also for somebody else's: whoever asks learns nothing of it."""

    code = "auth.wrong_passkey"
    title = "通行密钥未通过验证，请换一种方式或重试 The passkey was not accepted; please try again."


class PasskeyLate(WrongPasskey):
    code = "auth.passkey_late"
    title = "验证已过期或已用过，请重试 It took too long, or was used already; please try again."


class PasskeyCopied(WrongPasskey):
    """Its count of signatures went back: another authenticator has the same key."""

    code = "auth.passkey_copied"
    title = "该通行密钥可能已被复制，请改用其他方式登录后移除它 It may have been copied: remove it."


class PasskeyKnown(Conflict):
    code = "binding.passkey_known"
    title = "该通行密钥已被添加过 This passkey was added already."


class PasskeysFull(Conflict):
    code = "binding.passkeys_full"
    title = "通行密钥已达上限，请先移除一个 There are as many passkeys as may be; remove one first."


class PasskeysUnavailable(Conflict):
    code = "binding.passkeys_unavailable"
    title = "平台需通过 https 域名访问才能使用通行密钥 Passkeys need the platform on an https name."


class SecondFactorRequired(Conflict):
    code = "binding.second_factor_required"
    title = "平台要求至少保留一种两步验证 One second factor has to stay: this platform asks for it."


class SecondFactorSet(Conflict):
    code = "binding.second_factor_set"
    title = "已设置两步验证，请先移除 A second factor is set; remove it first."


class LinkWrong(Forbidden):
    """One answer for a link that never was, was used, was replaced, or is too old."""

    code = "binding.link_wrong"
    title = "链接无效或已过期，请重新索取 The link is not valid any longer; ask for another."


class LoginTaken(Conflict):
    code = "binding.login_taken"
    title = "该账号已被使用 This login is in use."


class MerchantExists(Conflict):
    code = "binding.merchant_exists"
    title = "该商户编号已存在 A merchant of that id exists."


class StoreNameTaken(Conflict):
    code = "binding.store_name_taken"
    title = "已有同名门店 A store of that name exists."


class AppBoundElsewhere(Conflict):
    code = "binding.app_bound_elsewhere"
    title = "该 AppID 已绑定到其他商户 This AppID is bound to another merchant."


class StaleVersion(Conflict):
    code = "binding.stale_version"
    title = "内容已被他人修改，请刷新后再保存 Somebody changed it meanwhile; reload, then save."


class WrongPassword(Forbidden):
    """Not 401: the session itself is good, and the console must not throw it away."""

    code = "auth.wrong_password"
    title = "密码不正确 The password is not right."


class OwnRights(Forbidden):
    code = "binding.own_rights"
    title = "不能更改自己的角色或状态 Nobody may change their own role or state."


class LastOwner(Conflict):
    code = "binding.last_owner"
    title = "至少要保留一位可登录的商户管理员 At least one owner must stay able to sign in."


class UnknownStores(InvalidBody):
    code = "binding.unknown_stores"
    title = "门店不存在或该角色不能限定门店 Unknown stores, or a role that is not bound to stores."


class OwnChange(Forbidden):
    code = "binding.own_change"
    title = "需要另一位有权限的人批准 Somebody else has to approve it."


class ChangeDecided(Conflict):
    code = "binding.change_decided"
    title = "该变更已处理或已过期 It was decided already, or has expired."


class TooManyChanges(Conflict):
    code = "binding.too_many_changes"
    title = (
        "待批准的变更已达 100 项，请先处理 A hundred changes wait for approval: decide some first."
    )


class SetupCodeWrong(Forbidden):
    """One answer for a wrong code, a code already burned, and one that cannot be read."""

    code = "binding.setup_code_wrong"
    title = "安装码不正确 The setup code is not right."


class FirstRunOver(Conflict):
    code = "binding.first_run_over"
    title = "平台已有管理员，请直接登录 The platform has its operator; please sign in."


class RowBlocked(Conflict):
    code = "onboarding.blocked"
    title = "请先完成前面的步骤 Earlier rows come first."


class RowRunning(Conflict):
    code = "onboarding.running"
    title = "这一步正在进行 This row is being carried out."


class RowNotRun(Conflict):
    code = "onboarding.not_ours"
    title = "这一步需要您自己完成 This row is not ours to carry out."


class NotDoneByHand(Conflict):
    code = "onboarding.not_by_hand"
    title = "这一步由系统检查或执行，不能手动标记 This row is checked or carried out, not marked."


class NotYetApprover(Forbidden):
    code = "binding.not_yet_approver"
    title = "该账号还不能复核他人的变更 This account cannot approve changes yet."


class MerchantSuspended(Forbidden):
    """Told only to whoever knows the password, or holds a one-time link or the cookie of a session
    that the suspension has ended."""

    code = "binding.merchant_suspended"
    title = (
        "商户已被平台停用，暂不能登录，请联系平台 "
        "The platform has suspended this merchant; nobody can sign in. Please ask the platform."
    )


class ApprovalNeeded(Exception):
    """The merchant's rule asks for a second person: what was wanted is good, and not done yet."""


class Role(StrEnum):
    """What a person is; the two kinds never mix in one account."""

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
    """A session of one console says nothing at the other."""
    if role.console != console:
        raise Forbidden(f"this account belongs to the {role.console} console")


def sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def login_digest(login: str) -> str:
    return sha256_hex(logins.canonical(login))


def canonical_password(password: str) -> str:
    """How a password is hashed and checked: one that differs only in how a keyboard spells the same
    characters (full width, composed or not) is the same (NIST 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, own_words: Sequence[str], *, field: str = "/password") -> None:
    """Raises WeakPassword; length beats composition (ASVS 6.2). `own_words`: the login, and what
    the person and the merchant are called. How often others use it is asked of `Passwords`."""
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
    told = _bare(password)
    if any(len(word) >= OWN_WORD_MIN and word in told for word in map(_bare, own_words)):
        faults.append("不能包含账号、姓名或商户名 must not contain the login or a name of yours")
    if faults:
        raise WeakPassword(errors=[{"pointer": field, "message": fault} for fault in faults])


def _bare(text: str) -> str:
    """Letters and digits alone: blanks and dashes do not make another word."""
    return "".join(c for c in logins.canonical(text) if c.isalnum())


@dataclass(frozen=True, slots=True)
class Tries:
    """How often one login was tried at one place without success, as stored under a digest."""

    failures: int = 0
    begun: int = 0
    """tries whose password is being looked at"""
    tried_at: datetime | None = None
    locked_until: datetime | None = None


def is_session_alive(
    now: datetime, *, expires_at: datetime, seen_at: datetime, revoked_at: datetime | None
) -> bool:
    return revoked_at is None and now < expires_at and now - seen_at < SESSION_IDLE


_APP_ID = re.compile(APP_ID)
_SELLER_ID = re.compile(SELLER_ID)
_NOTIFY_ROUTE = re.compile(r"^[A-Za-z0-9_-]{22,64}$")


def is_app_id(text: str) -> bool:
    """Whether it can be one at all, before the database is asked."""
    return _APP_ID.fullmatch(text) is not None


def is_seller_id(text: str) -> bool:
    return _SELLER_ID.fullmatch(text) is not None


def is_notify_route(text: str) -> bool:
    return _NOTIFY_ROUTE.fullmatch(text) is not None
