"""Binding an app: the round trip, the sealed box, the optimistic lock, one owner per AppID."""

import asyncio
import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from services.binding.sweeper import sweep
from shared.keys.sealed import SealBroken, open_sealed
from tests.integration.binding.conftest import APP_ID, SELLER_ID

PUT = ("PUT", "/api/merchant/v1/apps")
pytestmark = pytest.mark.asyncio


async def bound(binding, app_id=APP_ID):
    answer = await binding.egress("GET", f"/internal/apps/{app_id}")
    assert answer.status_code == 200
    return answer.json()


async def test_binding_round_trip(binding, owner, app_body, app_keys, alipay_keys, kek):
    """S31, S37: what the merchant saved is what the gateway signs with."""
    tenant_id, caller = owner
    answer = await caller(*PUT, app_body())
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["version"] == 1
    assert shown["enabled"] is True
    assert shown["key"]["bits"] == 2048
    assert shown["key"]["app_public_key"] == app_keys.public_b64
    assert shown["key"]["alipay_public_key"] == alipay_keys.public_b64
    assert (await caller("GET", "/api/merchant/v1/apps")).json() == {"items": [shown]}

    found = await bound(binding)
    assert found["tenant_id"] == str(tenant_id)
    assert (found["seller_id"], found["mode"], found["enabled"]) == (SELLER_ID, "key", True)
    assert shown["notify_path"] == f"/alipay/notify/{found['notify_route']}"
    (version,) = found["versions"]
    assert version["private_key_aad"] == f"{tenant_id}|{APP_ID}|app-private-key|1"
    der = open_sealed(kek, version["private_key_box"], version["private_key_aad"])
    key = serialization.load_der_private_key(der, password=None)
    signature = key.sign(b"order", padding.PKCS1v15(), hashes.SHA256())
    app_keys.public.verify(signature, b"order", padding.PKCS1v15(), hashes.SHA256())
    by_route = await binding.egress("GET", f"/internal/notify-routes/{found['notify_route']}")
    assert by_route.json() == found


async def test_the_public_edge_gets_no_sealed_key(binding, owner, app_body):
    """It verifies and never signs: what it is told opens nothing, whatever else it may hold."""
    _, caller = owner
    secret = {"aes_key": "MDEyMzQ1Njc4OWFiY2RlZg==", "app_auth_token": "202611BBgrant"}
    await caller(*PUT, app_body(**secret))
    sealed = await bound(binding)
    boxes = {name: sealed[name] for name in ("aes_key_box", "app_auth_token_box")}
    boxes["private_key_box"] = sealed["versions"][0]["private_key_box"]
    assert all(boxes.values())
    for path in (f"/internal/apps/{APP_ID}", f"/internal/notify-routes/{sealed['notify_route']}"):
        answer = await binding.edge("GET", path)
        assert answer.json()["versions"][0]["alipay_public_key"]
        names = [*answer.json(), *answer.json()["versions"][0]]
        assert {name for name in names if name.endswith("_box")} >= set(boxes)
        for box in boxes.values():
            assert json.loads(box)["ct"] not in answer.text
        assert '"ct' not in answer.text


async def test_the_box_opens_for_its_own_row_only(binding, owner, app_body, kek):
    tenant_id, caller = owner
    await caller(*PUT, app_body())
    (version,) = (await bound(binding))["versions"]
    for aad in (
        f"{tenant_id}|{APP_ID}|app-private-key|2",
        f"{tenant_id}|2021000000000002|app-private-key|1",
        f"{tenant_id}|{APP_ID}|device-key|1",
        "",
    ):
        with pytest.raises(SealBroken):
            open_sealed(kek, version["private_key_box"], aad)


async def test_the_route_cannot_be_guessed(binding, owner, app_body):
    _, caller = owner
    await caller(*PUT, app_body())
    await caller(*PUT, app_body(app_id="2021000000000002"))
    first = (await bound(binding))["notify_route"]
    second = (await bound(binding, "2021000000000002"))["notify_route"]
    assert first != second
    assert len(base64.urlsafe_b64decode(first)) * 8 >= 128


async def test_a_stale_page_cannot_overwrite(binding, owner, app_body):
    """S36: two pages share one record, so the second to save must look again."""
    _, caller = owner
    await caller(*PUT, app_body())
    first = await caller(*PUT, app_body(enabled=False, version=1))
    assert first.json()["version"] == 2
    second = await caller(*PUT, app_body(seller_id="2088000000000002", version=1))
    assert second.status_code == 409
    assert second.json()["code"] == "binding.stale_version"
    assert second.json()["current_version"] == 2
    assert (await bound(binding))["seller_id"] == SELLER_ID


async def test_many_saves_of_one_version_leave_one_winner(binding, owner, app_body):
    _, caller = owner
    await caller(*PUT, app_body())

    async def save(number):
        body = app_body(seller_id=f"208800000000001{number}", version=1)
        # Two saves at a time are one person's part, and a crowded machine is away for a while.
        while (answer := await caller(*PUT, body)).status_code in {429, 503}:
            await asyncio.sleep(0)
        return answer.status_code

    told = await asyncio.gather(*map(save, range(6)))
    assert sorted(told) == [200, 409, 409, 409, 409, 409]


async def test_the_same_content_again_is_no_change(binding, owner, app_body, app_keys):
    """A lost answer: the page saves again, in another spelling of the same key."""
    _, caller = owner
    first = await caller(*PUT, app_body())
    again = await caller(*PUT, app_body(app_private_key=app_keys.private_pem.decode()))
    assert again.json() == first.json()
    assert await binding.database.value("SELECT count(*) FROM app_keys") == 1
    assert await binding.database.value("SELECT count(*) FROM outbox WHERE key = $1", APP_ID) == 1


async def test_the_first_binding_needs_both_keys(owner, app_body):
    """S33, S34: required."""
    _, caller = owner
    answer = await caller(*PUT, app_body(app_private_key=..., alipay_public_key=...))
    assert answer.status_code == 422
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["/app_private_key", "/alipay_public_key"]


async def test_keys_that_are_left_out_stay(binding, owner, app_body):
    _, caller = owner
    await caller(*PUT, app_body())
    change = app_body(app_private_key=..., alipay_public_key=..., enabled=False, version=1)
    answer = await caller(*PUT, change)
    assert answer.status_code == 200
    assert answer.json()["key"]["key_version"] == 1
    assert (await bound(binding))["enabled"] is False


async def test_rotation_keeps_the_old_version_for_a_day(
    binding, owner, app_body, other_keys, kek, clock
):
    """Answers signed before the change arrive after it; then the old private half is erased."""
    _, caller = owner
    await caller(*PUT, app_body())
    answer = await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))
    assert answer.json()["key"]["key_version"] == 2
    versions = (await bound(binding))["versions"]
    assert [v["key_version"] for v in versions] == [2, 1]
    assert versions[0]["not_after"] is None
    assert versions[1]["not_after"] == "2026-11-24T04:00:00Z"
    for version in versions:
        open_sealed(kek, version["private_key_box"], version["private_key_aad"])
    clock.advance(24 * 3600 + 1)
    await sweep(binding.deps)
    rows = await binding.database.fetch(
        "SELECT private_key_box IS NULL AS erased FROM app_keys ORDER BY key_version"
    )
    assert [row["erased"] for row in rows] == [True, False]


async def test_a_new_alipay_key_alone_seals_the_private_half_again(
    binding, owner, app_body, other_keys, kek
):
    _, caller = owner
    await caller(*PUT, app_body())
    old = (await bound(binding))["versions"][0]
    change = app_body(app_private_key=..., alipay_public_key=other_keys.public_b64, version=1)
    assert (await caller(*PUT, change)).status_code == 200
    new = (await bound(binding))["versions"][0]
    assert new["private_key_aad"].endswith("|2")
    assert open_sealed(kek, new["private_key_box"], new["private_key_aad"]) == open_sealed(
        kek, old["private_key_box"], old["private_key_aad"]
    )
    with pytest.raises(SealBroken):
        open_sealed(kek, new["private_key_box"], old["private_key_aad"])


async def test_own_public_key_is_named_as_such(binding, owner, app_body, app_keys, other_keys):
    """S29, S129: the commonest mistake, at first, later, and with yesterday's own key."""
    _, caller = owner
    for body in (
        app_body(alipay_public_key=app_keys.public_b64),
        app_body(alipay_public_key=app_keys.public_pem.decode()),
    ):
        answer = await caller(*PUT, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "binding.own_public_key")
    assert await binding.database.value("SELECT count(*) FROM apps") == 0
    await caller(*PUT, app_body())
    later = app_body(app_private_key=..., alipay_public_key=app_keys.public_b64, version=1)
    assert (await caller(*PUT, later)).json()["code"] == "binding.own_public_key"
    await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))
    yesterday = app_body(app_private_key=..., alipay_public_key=app_keys.public_b64, version=2)
    assert (await caller(*PUT, yesterday)).json()["code"] == "binding.own_public_key"


async def test_one_app_belongs_to_one_merchant(binding, owner, new_merchant, sign_in, app_body):
    """Whoever is proven first, of both who bind at once; after that nobody else may bind it."""
    _, caller = owner
    await new_merchant("Coffee house", "owner@coffee")
    _, other = await sign_in("owner@coffee")
    await asyncio.gather(caller(*PUT, app_body()), other(*PUT, app_body()))
    proven = "SELECT count(*) FROM apps WHERE proven_at IS NOT NULL"
    assert await binding.database.value(proven) == 1
    found = await bound(binding)
    for who in (caller, other):
        answer = await who(*PUT, app_body(enabled=False, version=1))
        is_owner = (found["tenant_id"] == str(owner[0])) == (who is caller)
        assert answer.status_code == (200 if is_owner else 409)
        if not is_owner:
            assert answer.json()["code"] == "binding.app_bound_elsewhere"


async def test_unknown_apps_and_routes_are_404(binding):
    for path in (
        "/internal/apps/2021000000000009",
        "/internal/apps/not-an-id",
        "/internal/apps/%00",
        "/internal/notify-routes/" + "x" * 32,
        "/internal/notify-routes/%00",
    ):
        answer = await binding.egress("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_sealed_keys_are_for_the_gateway_alone(binding, owner, app_body):
    _, caller = owner
    await caller(*PUT, app_body())
    assert (await binding.payment("GET", f"/internal/apps/{APP_ID}")).status_code == 403
    assert (await caller("GET", f"/internal/apps/{APP_ID}")).status_code == 403
    anonymous = await binding.client.get(f"/internal/apps/{APP_ID}")
    assert anonymous.status_code == 401
    hashed = {"session_hash": "0" * 64}
    assert (await binding.egress("POST", "/internal/sessions/resolve", hashed)).status_code == 403


async def test_what_changed_is_evidence(binding, owner, app_body, other_keys, clock):
    """S132: who changed keys, when, from what to what; and nobody can take it back."""
    tenant_id, caller = owner
    await caller(*PUT, app_body())
    clock.advance(1)
    await caller(*PUT, app_body(app_private_key=other_keys.private_b64, version=1))
    rows = await binding.database.fetch(
        "SELECT actor, action, before, after FROM audit_log WHERE subject = $1 ORDER BY seq",
        APP_ID,
    )
    actions = ["app.bind", "app.key_verified", "app.change", "app.key_verified"]
    assert [row["action"] for row in rows] == actions
    rows = rows[::2]
    assert all(row["actor"].startswith("user:") for row in rows)
    assert rows[1]["before"] == rows[0]["after"] != rows[1]["after"]
    async with binding.deps.db.pg(tenant_id) as pg:
        with pytest.raises(Exception, match="permission denied"):
            await pg.execute("DELETE FROM audit_log")
    with pytest.raises(Exception, match="append-only"):
        await binding.database.execute("UPDATE audit_log SET actor = 'nobody'")


@pytest.mark.parametrize(
    "change",
    [
        {"app_id": "1234"},
        {"app_id": 2021000000000001},
        {"seller_id": "3088000000000001"},
        {"enabled": "yes"},
        {"version": "1"},
        {"version": -1},
        {"surprise": 1},
    ],
)
async def test_strict_bodies(owner, app_body, change):
    _, caller = owner
    answer = await caller(*PUT, app_body(**change))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
