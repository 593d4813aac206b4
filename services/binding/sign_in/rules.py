"""Rules of signing in: the throttle, known browsers, step-up, and the problems.

Problem
├── Unauthorized        BadCredentials                     401  the same for every wrong login
├── Forbidden           WrongPassword                      403  at the step-up
│                       CodeNeeded WrongCode               403  the password was right
│                       WrongPasskey                       403
│                       ├── PasskeyLate PasskeyCopied      403
├── TooMany             LoginThrottled                        429  with retry_after_s
└── Conflict            SecondFactorSet PasskeyKnown       409
                        SecondFactorRequired PasskeysFull  409
                        PasskeysUnavailable                409
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.errors import Conflict, Forbidden, TooMany, Unauthorized

PLATFORM = UUID(int=0)
"""The tenant of rows that belong to no merchant: the throttle's counters of logins."""

FORGET_TRIES_AFTER = timedelta(hours=24)

KNOWN_BROWSER_DAYS = 180
KNOWN_BROWSERS_MAX = 20
"""Of each person; beyond that the one that was seen longest ago is deleted."""
RENEWAL_GRACE = timedelta(seconds=30)
"""How long a session's former cookie stays valid, for requests that are under way with it."""

SESSION_LIFETIME = timedelta(hours=12)

STEP_UP_WINDOW = timedelta(minutes=5)
"""How long a step-up is valid for refunds, keys and roles (ASVS 7.5.3)."""


class BadCredentials(Unauthorized):
    code = "auth.bad_credentials"
    title = "账号或密码不正确 The login or the password is not right."


class LoginThrottled(TooMany):
    code = "auth.login_braked"
    title = "尝试过多，请稍后再登录 Too many attempts; please wait."


class CodeNeeded(Forbidden):
    """The password was right and the second factor is missing, at the sign-in or the step-up."""

    code = "auth.code_needed"
    title = "请完成两步验证 A second factor is needed: a code of your app, or a passkey."


class WrongCode(Forbidden):
    code = "auth.wrong_code"
    title = "验证码不正确或已用过 The code is not right, or was used already."


class WrongPasskey(Forbidden):
    """Also for a passkey of somebody else, so that the caller learns nothing about it."""

    code = "auth.wrong_passkey"
    title = "通行密钥未通过验证，请换一种方式或重试 The passkey was not accepted; please try again."


class PasskeyLate(WrongPasskey):
    code = "auth.passkey_late"
    title = "验证已过期或已用过，请重试 It took too long, or was used already; please try again."


class PasskeyCopied(WrongPasskey):
    """Its count of signatures did not rise: another authenticator has the same key."""

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


class WrongPassword(Forbidden):
    """Not 401, because the session itself is valid and the console must keep it."""

    code = "auth.wrong_password"
    title = "密码不正确 The password is not right."


@dataclass(frozen=True, slots=True)
class Tries:
    """How often one login was tried at one place without success, as stored under a digest."""

    failures: int = 0
    running: int = 0
    """tries whose password is being checked"""
    tried_at: datetime | None = None
    locked_until: datetime | None = None
