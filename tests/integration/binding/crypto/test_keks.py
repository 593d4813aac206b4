"""Key-encryption keys by purpose: who can open what, and a change of key while all goes on."""

import base64
import json
import os

import pytest

from deploy import keys
from services.binding.crypto.keks import Keks
from services.binding.models import Base
from shared.keys.sealed import LocalKeyProvider, SealBroken, open_sealed
from tests.integration.binding.conftest import APP_ID

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"


@pytest.fixture
def files(tmp_path, kek_file):
    """As after an update: a new key for each purpose beside the one that all shared."""
    found = {}
    for purpose in ("app", "pos", "own"):
        found[purpose] = tmp_path / f"kek-{purpose}"
        fresh = base64.b64encode(os.urandom(32)).decode()
        found[purpose].write_text(f"2 {fresh}\n1 {kek_file.read_text().strip()}\n")
    return found


@pytest.fixture
def separate(binding, files, monkeypatch):
    """The service with those files."""
    keks = Keks(files)
    object.__setattr__(binding.deps, "key_provider", keks)
    yield keks
    object.__setattr__(binding.deps, "key_provider", Keks(binding.config.kek_files))


@pytest.fixture
def run(binding, files):
    async def act(action, purpose):
        return await action(binding.deps.db, files[purpose], purpose)

    return act


async def boxes(binding):
    """(table, column) -> the boxes in it."""
    found = {}
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.name.endswith("_box"):
                sql = f"SELECT {column.name} FROM {table.name} WHERE {column.name} IS NOT NULL"
                found[table.name, column.name] = [
                    row[column.name] for row in await binding.database.fetch(sql)
                ]
    return found


async def make_all(caller, app_body):
    secrets = {"aes_key": "MDEyMzQ1Njc4OWFiY2RlZg==", "app_auth_token": "202611BBgrant"}
    assert (await caller("PUT", f"{M}/apps", app_body(**secrets))).status_code == 200
    assert (await caller("POST", f"{M}/apps/key-pairs", {})).status_code in {200, 201, 404}
    assert (await caller("POST", f"{M}/api-keys", {"name": "pos"})).status_code == 201


def under(found, keks):
    """Which purposes' newest keys the boxes of a table are under."""
    names = {keks.by_purpose[purpose].kek_id: purpose for purpose in keks.by_purpose}
    return {
        place: {names.get(json.loads(box)["kek"], "older") for box in all_of}
        for place, all_of in found.items()
        if all_of
    }


async def test_each_purpose_seals_under_its_own_key(binding, separate, owner, app_body):
    _, caller = owner
    await make_all(caller, app_body)
    found = under(await boxes(binding), separate)
    assert found.pop(("api_keys", "secret_box")) == {"pos"}
    for place, purposes in found.items():
        wanted = "app" if place[0] in {"apps", "app_keys", "key_pairs"} else "own"
        assert purposes == {wanted}, place
    assert ("app_keys", "private_key_box") in found
    assert ("apps", "aes_key_box") in found


async def test_the_edges_keys_open_no_app_and_the_egresss_no_program(
    binding, separate, files, owner, app_body, run
):
    _, caller = owner
    await make_all(caller, app_body)
    for purpose in files:
        await run(keys.retire, purpose)
    app = (await binding.egress("GET", f"/internal/apps/{APP_ID}")).json()
    box, aad = (app["versions"][0][f"private_key_{part}"] for part in ("box", "aad"))
    assert open_sealed(LocalKeyProvider(files["app"]), box, aad)
    for other in ("pos", "own"):
        with pytest.raises(SealBroken):
            open_sealed(LocalKeyProvider(files[other]), box, aad)
    row = (await binding.database.fetch("SELECT secret_box, secret_aad FROM api_keys"))[0]
    assert open_sealed(LocalKeyProvider(files["pos"]), row["secret_box"], row["secret_aad"])
    with pytest.raises(SealBroken):
        open_sealed(LocalKeyProvider(files["app"]), row["secret_box"], row["secret_aad"])


async def test_every_box_belongs_to_one_purpose():
    """A new table with a box is rotated without anybody thinking of it."""
    named = [
        (box.table.name, box.name)
        for purpose in ("app", "pos", "own")
        for box in keys.boxes_of(purpose)
    ]
    every = [
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("_box")
    ]
    assert sorted(named) == sorted(every)
    assert len(every) >= 7


async def test_a_former_versions_boxes_move_under_the_new_keys(
    binding, files, owner, app_body, kek, run
):
    """One key sealed everything; all is re-wrapped, purpose by purpose, and the old key ends."""
    _, caller = owner
    await make_all(caller, app_body)
    assert {json.loads(b)["kek"] for bs in (await boxes(binding)).values() for b in bs} == {
        kek.kek_id
    }
    keks = Keks(files)
    object.__setattr__(binding.deps, "key_provider", keks)
    before = await boxes(binding)
    try:
        refused = await run(keys.retire, "app")
        assert refused["left"] > 0
        for purpose in files:
            answer = await run(keys.rotate, purpose)
            # Where nothing is under the old key, that asks for a fresh one.
            assert answer["version"] == (2 if answer["rewrapped"] else 3)
            assert answer["rewrapped"] == sum(
                len(before[box.table.name, box.name]) for box in keys.boxes_of(purpose)
            )
            again = await run(keys.retire, purpose)
            assert again["left"] == 0
        after = await boxes(binding)
        assert "older" not in set().union(*under(after, keks).values())
        for place, all_of in before.items():
            assert sorted(json.loads(b)["ct"] for b in all_of) == sorted(
                json.loads(b)["ct"] for b in after[place]
            )
        found = (await binding.egress("GET", f"/internal/apps/{APP_ID}")).json()["versions"][0]
        assert open_sealed(keks, found["private_key_box"], found["private_key_aad"])
        with pytest.raises(SealBroken):
            open_sealed(kek, found["private_key_box"], found["private_key_aad"])
        left = await binding.database.fetch("SELECT kek_id FROM data_keys")
        assert kek.kek_id not in {row["kek_id"] for row in left}
        assert (await caller("POST", f"{M}/api-keys", {"name": "erp"})).status_code == 201
    finally:
        object.__setattr__(binding.deps, "key_provider", Keks(binding.config.kek_files))


async def test_a_rotation_that_stopped_half_way_goes_on(
    binding, separate, files, owner, app_body, monkeypatch, run
):
    _, caller = owner
    for name in ("a", "b", "c", "d", "e"):
        await caller("POST", f"{M}/api-keys", {"name": name})
    monkeypatch.setattr("deploy.keys.BATCH", 2)
    real, count = LocalKeyProvider.wrap, []

    def power_cut(self, data_key):
        count.append(1)
        if len(count) == 4:
            raise RuntimeError("the machine stopped")
        return real(self, data_key)

    monkeypatch.setattr(LocalKeyProvider, "wrap", power_cut)
    with pytest.raises(RuntimeError, match="stopped"):
        await run(keys.rotate, "pos")
    # Half is under the new key, half under the old, and all of it opens.
    rows = await binding.database.fetch("SELECT secret_box, secret_aad FROM api_keys")
    assert len({json.loads(row["secret_box"])["kek"] for row in rows}) == 2
    edge = LocalKeyProvider(files["pos"])
    assert all(open_sealed(edge, row["secret_box"], row["secret_aad"]) for row in rows)
    answer = await run(keys.rotate, "pos")
    assert (answer["version"], answer["rewrapped"]) == (3, 3)
    assert (await run(keys.retire, "pos"))["left"] == 0
    rows = await binding.database.fetch("SELECT secret_box, secret_aad FROM api_keys")
    assert all(open_sealed(edge, row["secret_box"], row["secret_aad"]) for row in rows)
    assert len(LocalKeyProvider(files["pos"])._ciphers) == 1
