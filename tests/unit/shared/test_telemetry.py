"""No secret reaches a log line, whatever the caller meant (ASVS 16.2.5)."""

import base64
import os
import subprocess
import sys

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


def test_what_a_library_logs_is_one_json_line_and_masked():
    """Tracebacks of uvicorn and asyncio came as many plain lines, and unmasked."""
    script = """if True:
        import logging
        from shared import telemetry
        telemetry.configure("t")
        log = logging.getLogger("uvicorn.error")
        log.info("not said")
        try:
            raise ValueError("x" * 120)
        except ValueError:
            log.error("Exception in %s", "an application", exc_info=True)
        log.warning("once")
    """
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert said.stderr == b""
    first, second = (orjson.loads(line) for line in said.stdout.splitlines())
    assert (first["event"], first["level"]) == ("Exception in an application", "error")
    assert (first["module"], first["process"]) == ("uvicorn.error", "t")
    assert "Traceback" in first["exception"]
    assert "xxxx" not in first["exception"]
    assert second["event"] == "once"
