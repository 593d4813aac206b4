"""The login brake, passwords and roles, without a database."""

from datetime import timedelta

import pytest

from services.binding import domain
from services.binding.domain import LoginBraked, Role, Tries, WeakPassword, charge_try
from services.binding.permissions import PERMISSIONS
from tests.fixtures.clock import NOON


def test_tries_are_free_then_ever_dearer():
    tries, delays, now = Tries(), [], NOON
    for _ in range(domain.FREE_TRIES + 8):
        tries = charge_try(tries, now)
        delay = (tries.locked_until - now).total_seconds() if tries.locked_until else 0
        delays.append(delay)
        now += timedelta(seconds=delay)
    assert delays[: domain.FREE_TRIES - 1] == [0] * (domain.FREE_TRIES - 1)
    assert delays[domain.FREE_TRIES - 1 :] == [30, 60, 120, 240, 480, 900, 900, 900, 900]


def test_while_the_delay_runs_nothing_is_counted():
    locked = Tries(12, NOON, NOON + timedelta(seconds=5))
    with pytest.raises(LoginBraked) as caught:
        charge_try(locked, NOON + timedelta(seconds=1))
    assert caught.value.body()["retry_after_s"] == 4


def test_a_day_of_rest_forgets():
    old = Tries(50, NOON, NOON + timedelta(minutes=15))
    tomorrow = NOON + domain.FORGET_TRIES_AFTER + timedelta(seconds=1)
    assert charge_try(old, tomorrow) == Tries(1, tomorrow, None)


def test_logins_compare_by_what_people_mean():
    same = {domain.login_digest(text) for text in ("Owner@Tea", " owner@tea ", "ｏｗｎｅｒ@ｔｅａ")}
    assert len(same) == 1
    assert domain.login_digest("owner@teA2") not in same


@pytest.mark.parametrize("password", ["correct horse", "豆娘豆娘开放平台一二三四", "x1y2z3x1y2z3"])
def test_long_passwords_pass(password):
    domain.check_password(password, "owner@tea")


@pytest.mark.parametrize("password", ["", "elevenchars", "aaaaaaaaaaaa", "1Owner@tea99", "p" * 129])
def test_weak_passwords_do_not(password):
    with pytest.raises(WeakPassword) as caught:
        domain.check_password(password, "owner@tea")
    assert not password or password not in str(caught.value.body())


def test_every_role_has_permissions_and_the_consoles_do_not_mix():
    assert set(PERMISSIONS) == set(Role)
    for role, granted in PERMISSIONS.items():
        is_operator = role.console == "operator"
        assert any(name.startswith("merchants.") for name in granted) == is_operator
    assert not any(".write" in name for name in PERMISSIONS[Role.AUDITOR])
