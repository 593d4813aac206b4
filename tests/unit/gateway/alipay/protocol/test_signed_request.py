"""Requests as they leave, in every mode: what is sent is what was signed (§1 of the protocol)."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alipay.protocol import aes
from gateway.alipay.protocol.canonical import request_content
from gateway.alipay.protocol.envelope import beijing_text, signed_request
from gateway.alipay.protocol.rsa2 import verify
from tests.fixtures.keys import RsaPair, new_rsa_pair

ROOT = Path(__file__).resolve().parents[5]
AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
APP, PAY = "2021000000000001", "alipay.trade.pay"
AES_KEY = "AAECAwQFBgcICQoLDA0ODw=="
CONTENT = {"out_trade_no": "T1", "subject": "测试 + % & = 😀\u2028", "total_amount": "0.01"}
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu")


def sent(pair: RsaPair, content: Any = None, **given: Any) -> tuple[dict[str, str], dict[str, str]]:
    """(query, body) as a receiver decodes them; the signature holds over both together."""
    content = CONTENT if content is None else content
    request = signed_request(PAY, APP, content, at=AT, key=pair.private, **given)
    query, body = (
        dict(parse_qsl(part, keep_blank_values=True, strict_parsing=bool(part)))
        for part in (request.query, request.body.decode("ascii"))
    )
    assert not query.keys() & body.keys()
    both = {**query, **body}
    assert all(both.values()), "an empty value is signed by some and dropped by others"
    assert verify(request_content(both).encode(), both["sign"], pair.public)
    return query, body


def test_key_mode(app_keys: RsaPair) -> None:
    query, body = sent(app_keys, notify_url="https://pay.example.test/alipay/notify/x")
    assert set(query) == {
        "app_id", "method", "format", "charset", "sign_type", "timestamp", "version",
        "notify_url", "sign",
    }  # fmt: skip
    assert (query["timestamp"], query["format"]) == ("2026-11-23 12:00:00", "JSON")
    assert (set(body), json.loads(body["biz_content"])) == ({"biz_content"}, CONTENT)


def test_certificate_mode_names_both_certificates(app_keys: RsaPair) -> None:
    query, _ = sent(app_keys, app_cert_sn="a" * 32, alipay_root_cert_sn="b_c")
    assert (query["app_cert_sn"], query["alipay_root_cert_sn"]) == ("a" * 32, "b_c")


def test_a_grant_is_signed_and_stays_out_of_the_address(app_keys: RsaPair) -> None:
    query, body = sent(app_keys, app_auth_token="grant")
    assert "app_auth_token" not in query
    assert body["app_auth_token"] == "grant"


def test_content_is_encrypted_first_and_signed_then(app_keys: RsaPair) -> None:
    query, body = sent(app_keys, aes_key=AES_KEY)
    assert query["encrypt_type"] == "AES"
    assert json.loads(aes.decrypt(AES_KEY, body["biz_content"])) == CONTENT


def test_parameters_beside_the_content(app_keys: RsaPair) -> None:
    _, body = sent(app_keys, {}, params={"grant_type": "authorization_code", "code": "4 +"})
    assert body == {"grant_type": "authorization_code", "code": "4 +"}
    assert "encrypt_type" not in sent(app_keys, {}, params=body, aes_key=AES_KEY)[0]
    for name in ("sign_type", "app_id", "notify_url"):
        with pytest.raises(ValueError, match=name):
            sent(app_keys, params={name: "x"})


PAIR = new_rsa_pair()
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT, max_size=3), max_size=6))
def test_any_content_arrives_as_it_was_signed(content: dict[str, Any]) -> None:
    _, body = sent(PAIR, content)
    assert json.loads(body.get("biz_content", "{}")) == content


def test_numbers_that_json_lacks_are_refused(app_keys: RsaPair) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        sent(app_keys, {"x": float("nan")})


def test_an_instant_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        beijing_text(AT.replace(tzinfo=None))
    assert beijing_text(AT.astimezone(timezone(-timedelta(hours=9)))) == "2026-11-23 12:00:00"


@pytest.mark.parametrize("zone", ZONES)
def test_the_timestamp_does_not_depend_on_the_hosts_time_zone(zone: str) -> None:
    """Pitfall 16. A process of its own: a time zone is read once."""
    program = (
        "import time; from datetime import datetime, timezone, UTC\n"
        "from gateway.alipay.protocol.envelope import beijing_text, parse_beijing\n"
        "from shared.contracts.instants import rfc3339\n"
        "at = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)\n"
        "print(time.tzname[0], beijing_text(at), rfc3339(parse_beijing('2026-03-08 02:30:00')),"
        " beijing_text(at.astimezone()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True,
        env={**os.environ, "TZ": zone, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    _, *told = done.stdout.split()
    assert " ".join(told) == (
        "2026-03-08 15:30:00 2026-03-07T18:30:00Z 2026-03-08 15:30:00"
    )  # fmt: skip
