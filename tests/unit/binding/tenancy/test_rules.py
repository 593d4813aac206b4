"""Logins, passwords and roles, without a database."""

import pytest

from services.binding.crypto import passwords
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role, WeakPassword


def test_logins_compare_by_what_people_mean():
    same = {
        tenancy_rules.login_digest(text)
        for text in ("Owner@Tea", " owner@tea ", "ｏｗｎｅｒ@ｔｅａ")
    }
    assert len(same) == 1
    assert tenancy_rules.login_digest("owner@teA2") not in same


OWN_WORDS = ("owner@tea", "Lin Dan", "豆娘茶铺")


@pytest.mark.parametrize("password", ["correct horse", "清泉石上流明月松间照", "x1y2z3x1y2z3"])
def test_long_passwords_pass(password):
    tenancy_rules.check_password(password + "清泉", OWN_WORDS)


@pytest.mark.parametrize(
    "password",
    [
        "", "elevenchars", "aaaaaaaaaaaa", "p" * 129,
        "1Owner@tea99", "my owner-tea 2026", "ＯＷＮＥＲ＠ＴＥＡ９９", "lin.dan.2026.xyz",
        "我爱豆娘茶铺一二三四五六七",
    ],
)  # fmt: skip
def test_weak_passwords_do_not(password):
    """Too short, too uniform, too long, or one's own login, name or merchant in any spelling."""
    with pytest.raises(WeakPassword) as caught:
        tenancy_rules.check_password(password, OWN_WORDS)
    assert not password or password not in str(caught.value.body())


def test_a_password_in_another_normal_form_is_the_same():
    """Full width or composed differently: what the keyboard did, not what the person chose."""
    spelled = (
        "café crème 2026 paris",
        "cafe\u0301 cre\u0300me 2026 paris",
        "ｃａｆé crème ２０２６ paris",
    )
    assert len({passwords.canonical_password(text) for text in spelled}) == 1


def test_every_role_has_permissions_and_the_consoles_do_not_mix():
    assert set(PERMISSIONS) == set(Role)
    for role, granted in PERMISSIONS.items():
        is_operator = role.console == "operator"
        assert any(name.startswith("merchants.") for name in granted) == is_operator
    assert not any(".write" in name for name in PERMISSIONS[Role.AUDITOR])
