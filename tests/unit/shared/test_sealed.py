"""A sealed box opens for its own row only (F37 groundwork, ASVS 13.3.1)."""

import base64
import json
import os

import pytest

from deploy.keys import add_version, retire_older
from shared.keys.sealed import (
    LocalKeyProvider,
    SealBroken,
    new_data_key,
    open_sealed,
    rewrapped,
    seal,
)

AAD = "tenant|2021000000000001|app-private-key|1"


def test_round_trip_hides_the_content(kek):
    kek_id, wrapped = new_data_key(kek)
    data_key = kek.unwrap(kek_id, wrapped)
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


# --- versions of a key-encryption key


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kek-app"
    path.touch(0o600)
    path.write_text(base64.b64encode(os.urandom(32)).decode())
    return path


def test_a_new_version_seals_and_the_old_one_still_opens(file):
    before = LocalKeyProvider(file)
    _, wrapped = new_data_key(before)
    old = seal(before, wrapped, b"old", AAD)
    elsewhere = LocalKeyProvider(file)
    add_version(file)
    kek_id, wrapped = new_data_key(before)
    new = seal(before, wrapped, b"new", AAD)
    assert json.loads(new)["kek"] == kek_id != json.loads(old)["kek"]
    # Another process reads the file again when it meets a version that it does not know.
    for provider in (before, elsewhere, LocalKeyProvider(file)):
        assert (open_sealed(provider, old, AAD), open_sealed(provider, new, AAD)) == (
            b"old",
            b"new",
        )
    assert elsewhere.kek_id == kek_id
    assert (LocalKeyProvider(file).version, file.stat().st_mode & 0o777) == (2, 0o600)


def test_a_retired_version_opens_nothing_and_what_was_rewrapped_opens(file):
    provider = LocalKeyProvider(file)
    _, wrapped = new_data_key(provider)
    old = seal(provider, wrapped, b"x", AAD)
    add_version(file)
    moved = rewrapped(provider, old)
    assert json.loads(moved)["ct"] == json.loads(old)["ct"]
    retire_older(file)
    assert open_sealed(provider, moved, AAD) == b"x"
    with pytest.raises(SealBroken):
        open_sealed(provider, old, AAD)
    with pytest.raises(SealBroken):
        open_sealed(LocalKeyProvider(file), old, AAD)
    assert len(file.read_text().split()) == 2


def test_a_key_may_be_sealed_under_an_older_version(file):
    """The data key was looked up a moment before the file changed."""
    provider = LocalKeyProvider(file)
    kek_id, wrapped = new_data_key(provider)
    add_version(file)
    box = seal(provider, wrapped, b"x", AAD, kek_id)
    assert open_sealed(provider, box, AAD) == b"x"


def test_a_box_of_another_format_is_refused(kek):
    _, wrapped = new_data_key(kek)
    parts = json.loads(seal(kek, wrapped, b"x", AAD))
    with pytest.raises(SealBroken):
        open_sealed(kek, json.dumps({**parts, "v": 2}), AAD)


@pytest.mark.parametrize("text", ["", "\n", "1", "x y", "1 AAAA", "v1 " + "A" * 44])
def test_a_key_file_that_does_not_read_is_refused(tmp_path, text):
    (tmp_path / "kek").write_text(text)
    with pytest.raises(ValueError):
        LocalKeyProvider(tmp_path / "kek")
