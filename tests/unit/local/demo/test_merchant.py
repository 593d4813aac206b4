"""What an earlier start made is found again by a later one."""

import json
from dataclasses import replace
from pathlib import Path

from deploy.local import secrets
from deploy.local.demo import merchant
from deploy.local.layout import Layout
from deploy.sandbox.dragonfly.device import Identity


def test_the_device_follows_the_platform_to_another_port(tmp_path: Path) -> None:
    layout = Layout(tmp_path, 8080)
    layout.make()
    kept = {
        "url": "http://127.0.0.1:8080", "device_id": "d", "key_id": "k1", "key": "ab" * 32,
        "sn": merchant.SN, "merchant_id": "m", "store_id": "s",
    }  # fmt: skip
    secrets.write_private(layout.device_file, json.dumps(kept))
    moved = replace(layout, port=8131)
    merchant.readdress(moved)
    found = Identity.load(layout.device_file)
    assert found == replace(found, url="http://127.0.0.1:8131", key_id="k1")
    assert layout.device_file.stat().st_mode & 0o077 == 0
    written = layout.device_file.stat().st_mtime_ns
    merchant.readdress(moved)
    assert layout.device_file.stat().st_mtime_ns == written
