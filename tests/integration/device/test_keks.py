"""The key-encryption key of the devices' keys is changed while devices go on."""

import base64
import json
import os

import pytest

from deploy import keys
from shared.keys.sealed import LocalKeyProvider, SealBroken, open_sealed

pytestmark = pytest.mark.asyncio


async def test_devices_keys_move_under_a_new_key(
    device, store, new_store, enrol, kek, tmp_path, monkeypatch
):
    """The edge opens a key at every moment: before, between, and after the old one ended."""
    file = tmp_path / "kek-device"
    file.write_text(kek._path.read_text().strip())
    service, edge = LocalKeyProvider(file), LocalKeyProvider(file)
    former = device.deps.key_provider
    object.__setattr__(device.deps, "key_provider", service)

    async def run(action):
        return await action(device.deps.db, file, "device")

    async def credential(device_id):
        found = (await device.edge("GET", f"/internal/devices/{device_id}/credential")).json()
        return found["key_box"], open_sealed(edge, found["key_box"], found["key_aad"])

    try:
        one = await enrol(store)
        old_box, old_key = await credential(one["device_id"])
        assert (await run(keys.rotate))["rewrapped"] == 1
        two = await enrol(store, sn="QCF4000099")
        box, key = await credential(one["device_id"])
        assert key == old_key == base64.b64decode(one["key"])
        assert json.loads(box)["kek"] == edge.kek_id != json.loads(old_box)["kek"]
        assert (await credential(two["device_id"]))[1] == base64.b64decode(two["key"])
        assert await run(keys.retire) == {
            "purpose": "device", "version": 2, "kek_id": edge.kek_id, "left": 0
        }  # fmt: skip
        assert (await credential(one["device_id"]))[1] == old_key
        with pytest.raises(SealBroken):
            open_sealed(LocalKeyProvider(file), old_box, f"{one['device_id']}")
        kept = await device.database.fetch("SELECT kek_id FROM data_keys")
        assert [row["kek_id"] for row in kept] == [edge.kek_id]
    finally:
        object.__setattr__(device.deps, "key_provider", former)


async def test_the_command_sees_every_tenants_boxes(
    device, store, enrol, kek, tmp_path, command_line
):
    """Row security hides from a role without system scope what it then would neither re-wrap nor
    miss, and the old key would be forgotten under it."""
    file = tmp_path / "kek-device"
    file.write_text(kek._path.read_text().strip())
    found = await enrol(store)

    def run(action):
        done = command_line(
            "deploy.keys", action, "device",
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL_DEVICE": device.database.app_url,
                "DATABASE_SYSTEM_URL_DEVICE": device.database.system_url,
                "KEK_FILE_DEVICE": str(file),
            },
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    code, answer, complaint = run("rotate-kek")
    # A version is only made when nothing is under an older one: the first run begins with it.
    assert (code, answer.get("version"), answer.get("rewrapped")) == (0, 2, 1), complaint
    assert run("retire-kek")[1]["left"] == 0
    row = (await device.database.fetch("SELECT key_box, key_aad FROM devices"))[0]
    assert open_sealed(LocalKeyProvider(file), row["key_box"], row["key_aad"]) == (
        base64.b64decode(found["key"])
    )


@pytest.mark.parametrize("other", ["KEK_FILE", "KEK_FILE_APP", "KEK_FILE_POS", "KEK_FILE_OWN"])
async def test_a_file_that_serves_another_purpose_keeps_its_keys(
    device, kek, tmp_path, command_line, other
):
    """What is sealed for the other purpose is in tables that this command does not look at."""
    file, link = tmp_path / "kek", tmp_path / "kek-link"
    newer = f"2 {base64.b64encode(bytes(32)).decode()}"
    file.write_text(f"{newer}\n1 {kek._path.read_text().strip()}\n")
    link.symlink_to(file)
    before = file.read_text()

    def retire(**files):
        return command_line(
            "deploy.keys", "retire-kek", "device",
            env={
                "PATH": os.environ["PATH"],
                "RUN_DIR": str(tmp_path),
                "DATABASE_URL_DEVICE": device.database.app_url,
                "DATABASE_SYSTEM_URL_DEVICE": device.database.system_url,
                **{name: str(path) for name, path in files.items()},
            },
        )  # fmt: skip

    own = {} if other == "KEK_FILE" else {"KEK_FILE_DEVICE": file}
    done = retire(**own, **{other: link})
    assert (done.returncode, done.stdout, file.read_text()) == (2, "", before), done.stderr
    assert done.stderr.startswith("refused: ")
    assert other in done.stderr
    assert done.stderr.count("\n") == 1
    # A file of its own, though the other is named as well: only the newest key stays.
    mine = tmp_path / "kek-device"
    mine.write_text(before)
    assert retire(KEK_FILE_DEVICE=mine, **{other: link}).returncode == 0
    assert (mine.read_text().strip(), file.read_text()) == (newer, before)
