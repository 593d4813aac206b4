"""A sealed box opens for its own row only (F37 groundwork, ASVS 13.3.1)."""

import base64
import json
import os

import pytest

from shared.sealed import LocalKeyProvider, SealBroken, new_data_key, open_sealed, seal

AAD = "tenant|2021000000000001|app-private-key|1"


def test_round_trip_hides_the_content(kek):
    data_key, wrapped = new_data_key(kek)
    box = seal(kek, wrapped, b"the secret", AAD)
    assert open_sealed(kek, box, AAD) == b"the secret"
    assert base64.b64encode(data_key).decode() not in box
    assert "the secret" not in box


@pytest.mark.parametrize("aad", ["", AAD + "2", AAD.replace("tenant", "other")])
def test_another_row_does_not_open_it(kek, aad):
    _, wrapped = new_data_key(kek)
    box = seal(kek, wrapped, b"x", AAD)
    with pytest.raises(SealBroken):
        open_sealed(kek, box, aad)


def test_another_key_does_not_open_it(kek, tmp_path):
    path = tmp_path / "kek"
    path.write_text(base64.b64encode(os.urandom(32)).decode())
    _, wrapped = new_data_key(kek)
    box = seal(kek, wrapped, b"x", AAD)
    with pytest.raises(SealBroken):
        open_sealed(LocalKeyProvider(path), box, AAD)


@pytest.mark.parametrize("member", ["dek", "nonce", "ct"])
def test_a_changed_byte_is_noticed(kek, member):
    _, wrapped = new_data_key(kek)
    parts = json.loads(seal(kek, wrapped, b"x", AAD))
    raw = bytearray(base64.b64decode(parts[member]))
    raw[-1] ^= 1
    parts[member] = base64.b64encode(bytes(raw)).decode()
    with pytest.raises(SealBroken):
        open_sealed(kek, json.dumps(parts), AAD)


def test_rubbish_is_no_box(kek):
    for box in ("", "{}", "[]", "null", '{"v":1}'):
        with pytest.raises(SealBroken):
            open_sealed(kek, box, AAD)
