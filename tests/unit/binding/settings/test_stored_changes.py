"""Changes that wait for a second person are stored for days, so an update reads what was stored
before it. The documents below are what is stored; a member may be added, with a default."""

from dataclasses import asdict
from uuid import UUID

import orjson

from services.binding.keys.apps import AppChange
from services.binding.keys.chosen import GivenKeys
from services.binding.settings.approvals import change_of
from services.binding.tenancy.merchants import MerchantChange

PAIR = "01900000-0000-7000-8000-000000000001"
GIVEN = {
    "mode": "cert",
    "private_key_text": "private",
    "alipay_key_text": "alipay",
    "app_cert_text": "app",
    "alipay_cert_text": "leaf",
    "alipay_root_cert_text": "root",
}
APP = {
    "app_id": "2021000000000001",
    "seller_id": "2088000000000001",
    "is_enabled": True,
    "version": 3,
    "service_provider_id": "2088000000000002",
    "aes_key_text": "aes",
    "app_auth_token": "grant",
    "retire_after_h": 12,
    "key_pair_id": PAIR,
}
MERCHANT = {"values": {"dual_control": False}, "version": 7}


def test_a_stored_change_of_an_app_is_read() -> None:
    wanted = AppChange(
        app_id="2021000000000001",
        seller_id="2088000000000001",
        is_enabled=True,
        version=3,
        given=GivenKeys("cert", "private", "alipay", "app", "leaf", "root"),
        service_provider_id="2088000000000002",
        aes_key_text="aes",
        app_auth_token="grant",
        retire_after_h=12,
        key_pair_id=UUID(PAIR),
    )
    assert change_of("app", orjson.dumps({**APP, "given": GIVEN})) == wanted
    written = orjson.loads(orjson.dumps(asdict(wanted)))
    assert APP.items() <= written.items()
    assert GIVEN.items() <= written["given"].items()


def test_a_stored_change_of_a_merchant_is_read() -> None:
    wanted = MerchantChange({"dual_control": False}, 7)
    assert change_of("merchant", orjson.dumps(MERCHANT)) == wanted
    assert MERCHANT.items() <= orjson.loads(orjson.dumps(asdict(wanted))).items()
