"""No secret reaches a log line, whatever the caller meant (ASVS 16.2.5)."""

import base64
import os

import orjson
import pytest

from shared import telemetry


@pytest.fixture
def line():
    def rendered(**fields):
        return telemetry._rendering(None, "info", telemetry._masking(None, "info", fields))

    return rendered


def test_named_secrets_are_masked(line):
    out = orjson.loads(
        line(private_key="MII", password="p", auth_code="fp1", nested={"token": "t"})
    )
    assert out == {
        "private_key": "***",
        "password": "***",
        "auth_code": "***",
        "nested": {"token": "***"},
    }


def test_key_shaped_text_is_masked_wherever_it_hides(line):
    secret = base64.b64encode(os.urandom(600)).decode()
    out = line(detail=f"could not parse {secret}", rows=[{"x": secret}]).decode()
    assert secret[:40] not in out
    assert "could not parse" in out


def test_ids_survive(line):
    out = orjson.loads(line(payment_id="0192f0c8-7f6e-7000-8000-000000000001", status=200))
    assert out["payment_id"].startswith("0192f0c8")
    assert out["status"] == 200
