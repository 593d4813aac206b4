"""Certificate mode, the other sealed secrets, and rotation with a date of one's own (issue 5)."""

import base64
import json
from uuid import uuid4

import pytest

from services.binding.sweeper import sweep
from shared.keys.sealed import SealBroken, open_sealed
from tests.fixtures.keys import new_rsa_pair
from tests.integration.binding.conftest import APP_ID
from tests.unit.gateway.authority import Authority, pem_of

PUT = ("PUT", "/api/merchant/v1/apps")
AES_KEY = base64.b64encode(bytes(range(16))).decode()
GRANT = "202611BB" + "f" * 32
pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def ca():
    return Authority(new_rsa_pair().private, new_rsa_pair().private)


@pytest.fixture
def certs(ca, app_keys, alipay_keys):
    return {
        "app_cert": pem_of(ca.leaf("2088-app", app_keys.public, serial=11)),
        "alipay_cert": pem_of(ca.leaf("Alipay", alipay_keys.public, serial=12), ca.middle),
        "alipay_root_cert": pem_of(ca.root),
    }


async def told(binding):
    answer = await binding.egress("GET", f"/internal/apps/{APP_ID}")
    assert answer.status_code == 200
    return answer.json()


async def test_certificate_mode_round_trip(binding, owner, app_body, certs, alipay_keys):
    _, caller = owner
    answer = await caller(*PUT, app_body(alipay_public_key=..., **certs))
    assert answer.status_code == 200, answer.text
    shown = answer.json()["key"]
    assert shown["mode"] == "cert"
    assert shown["certificates"]["app_cert"]["not_after"] == "2028-01-01T00:00:00Z"
    assert "BEGIN" not in answer.text, "numbers and dates, not the files"
    found = await told(binding)
    (version,) = found["versions"]
    assert (found["mode"], version["mode"]) == ("cert", "cert")
    assert version["alipay_public_key"] == alipay_keys.public_b64
    assert version["app_cert_sn"] == shown["certificates"]["app_cert"]["sn"]
    assert version["alipay_root_cert_sn"] == shown["certificates"]["alipay_root_cert_sn"]
    again = await caller(*PUT, app_body(alipay_public_key=..., **certs))
    assert again.json() == answer.json(), "the same content again is no change"


async def test_one_certificate_alone_is_named_to_whoever_shall_agree(
    binding, owner, app_body, certs, ca, alipay_keys
):
    _, caller = owner
    assert (await caller(*PUT, app_body(alipay_public_key=..., **certs))).status_code == 200
    await binding.database.execute("UPDATE merchants SET dual_control = true")
    newer = pem_of(ca.leaf("Alipay", alipay_keys.public, serial=13), ca.middle)
    answer = await caller(*PUT, {"app_id": APP_ID, "version": 1, "alipay_cert": newer})
    assert answer.status_code == 202, answer.text
    assert answer.json()["summary"]["changes"] == ["certificates"]


async def test_what_does_not_fit_is_refused_whole(binding, owner, app_body, certs, other_keys):
    _, caller = owner

    async def fails(**changes):
        answer = await caller(*PUT, app_body(**changes))
        assert answer.status_code == 422
        return answer.json()["code"], [fault["pointer"] for fault in answer.json()["errors"]]

    bad = "invalid_body"
    no_key = certs | {"alipay_public_key": ...}
    assert await fails(**certs) == (bad, ["/alipay_public_key"])
    assert await fails(mode="key", **certs) == (bad, [f"/{name}" for name in certs])
    assert await fails(mode="cert", alipay_public_key=...) == (
        bad, ["/app_cert", "/alipay_cert", "/alipay_root_cert"],
    )  # fmt: skip
    assert await fails(**no_key, app_private_key=other_keys.private_b64) == (
        "binding.certificate_mismatch", ["/app_cert"],
    )  # fmt: skip
    mixed = no_key | {"app_cert": certs["alipay_cert"], "alipay_cert": certs["app_cert"]}
    assert (await fails(**mixed))[0] == "binding.certificate_mismatch"
    assert await fails(aes_key="AAAA") == ("binding.aes_key_refused", ["/aes_key"])
    assert await fails(app_auth_token="a b") == ("binding.grant_refused", ["/app_auth_token"])
    for change in ({"retire_after_h": 721}, {"retire_after_h": -1}, {"mode": "sm2"},
                   {"service_provider_id": "1"}, {"app_auth_token": "a" * 129}):  # fmt: skip
        assert (await fails(**change))[0] == bad
    assert await binding.database.value("SELECT count(*) FROM apps") == 0


async def test_from_keys_to_certificates_and_back(binding, owner, app_body, certs, clock):
    """Both modes overlap: answers under way come in the mode of their request."""
    _, caller = owner
    await caller(*PUT, app_body())
    only = {"app_private_key": ..., "alipay_public_key": ...}
    moved = await caller(*PUT, app_body(version=1, **only, **certs))
    assert moved.json()["key"]["mode"] == "cert", moved.text
    versions = (await told(binding))["versions"]
    assert [(v["key_version"], v["mode"]) for v in versions] == [(2, "cert"), (1, "key")]
    kept = await caller(*PUT, app_body(version=2, enabled=False, **only))
    assert kept.json()["key"]["key_version"] == 2
    back = await caller(*PUT, app_body(version=3, mode="key", **only))
    assert back.json()["errors"][0]["pointer"] == "/alipay_public_key", "not Alipay's certificate"
    back = await caller(*PUT, app_body(version=3, mode="key", app_private_key=...))
    assert (back.json()["key"]["mode"], back.json()["key"]["key_version"]) == ("key", 3)
    clock.advance(5 * 365 * 86_400)
    await caller(*PUT, app_body(version=4, **only, alipay_cert=certs["alipay_cert"]))


async def test_an_expired_certificate_does_not_hold_the_switch(
    binding, owner, app_body, certs, clock
):
    """What was not given again is not judged again."""
    tenant_id, caller = owner
    await caller(*PUT, app_body(alipay_public_key=..., **certs))
    clock.advance(5 * 365 * 86_400)
    caller = binding.user(
        tenant_id, uuid4(), ["apps.read", "apps.write", "onboarding.check", "onboarding.write"]
    )
    only = {"app_private_key": ..., "alipay_public_key": ..., "version": 1}
    late = await caller(*PUT, app_body(**only, **certs, mode="cert"))
    assert late.json()["code"] == "binding.certificate_expired"
    off = await caller(*PUT, app_body(**only, enabled=False))
    assert (off.status_code, off.json()["enabled"]) == (200, False)


async def test_secrets_go_in_and_never_come_out(binding, owner, app_body, kek):
    """G2: sealed for their row, told to the gateway in boxes only, to people as there or not."""
    tenant_id, caller = owner
    body = app_body(aes_key=AES_KEY, app_auth_token=GRANT, service_provider_id="2088000000000009")
    answer = await caller(*PUT, body)
    shown = answer.json()
    assert (shown["has_aes_key"], shown["has_app_auth_token"]) == (True, True)
    assert shown["service_provider_id"] == "2088000000000009"
    found = await told(binding)
    for name, purpose, value in (
        ("aes_key", "app-aes-key", AES_KEY), ("app_auth_token", "app-auth-token", GRANT),
    ):  # fmt: skip
        aad = found[f"{name}_aad"]
        assert aad == f"{tenant_id}|{APP_ID}|{purpose}|1"
        assert open_sealed(kek, found[f"{name}_box"], aad).decode() == value
        with pytest.raises(SealBroken):
            open_sealed(kek, found[f"{name}_box"], aad.replace(purpose, "other"))
    rows = [
        dict(row)
        for table in ("apps", "app_keys", "audit_log", "outbox")
        for row in await binding.database.fetch(f"SELECT * FROM {table}")
    ]
    for text in (answer.text, json.dumps(found), str(rows)):
        assert AES_KEY not in text
        assert GRANT not in text
    assert (await caller(*PUT, body)).json() == shown, "the same again changes nothing"
    kept = await caller(*PUT, app_body(version=1, enabled=False))
    assert (kept.json()["has_aes_key"], kept.json()["version"]) == (True, 2)
    gone = await caller(*PUT, app_body(version=2, aes_key="", app_auth_token=""))
    assert (gone.json()["has_aes_key"], gone.json()["has_app_auth_token"]) == (False, False)
    assert (await told(binding))["aes_key_box"] is None


async def test_what_counts_at_once_is_not_saved_with_keys_that_wait(
    binding, owner, app_body, other_keys
):
    """The content key and the grant have no versions: they would be those of the keys that sell."""
    _, caller = owner
    await caller(*PUT, app_body(aes_key=AES_KEY))
    before = await told(binding)
    both = app_body(
        app_private_key=other_keys.private_b64, version=1, aes_key="", app_auth_token=GRANT
    )
    refused = await caller(*PUT, both)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_body")
    pointers = [fault["pointer"] for fault in refused.json()["errors"]]
    assert pointers == ["/aes_key", "/app_auth_token"]
    assert await told(binding) == before
    keys_only = app_body(app_private_key=other_keys.private_b64, version=1, aes_key=AES_KEY)
    assert (await caller(*PUT, keys_only)).status_code == 200, "the same again is no change"
    alone = app_body(app_private_key=..., alipay_public_key=..., version=2, app_auth_token=GRANT)
    assert (await caller(*PUT, alone)).json()["has_app_auth_token"] is True


async def test_a_first_binding_that_sells_nothing_yet_takes_them_together(
    binding, owner, app_body, other_keys
):
    _, caller = owner
    binding.platform.answers["alipay.trade.query"] = 503
    await caller(*PUT, app_body())
    both = app_body(app_private_key=other_keys.private_b64, version=1, aes_key=AES_KEY)
    assert (await caller(*PUT, both)).json()["has_aes_key"] is True


async def test_a_rotation_may_say_how_long_the_old_key_lasts(
    binding, owner, app_body, other_keys, clock
):
    """F37: thirty days of overlap, then a leak that ends them at once."""
    _, caller = owner
    await caller(*PUT, app_body())
    rotated = app_body(app_private_key=other_keys.private_b64, version=1, retire_after_h=720)
    answer = await caller(*PUT, rotated)
    assert answer.json()["retiring"][0]["not_after"] == "2026-12-23T04:00:00Z"
    clock.advance(3600)
    assert (await caller(*PUT, rotated)).json() == answer.json(), "a repeat moves no date"
    third = app_body(app_private_key=new_rsa_pair().private_b64, version=2)
    await caller(*PUT, third)
    dates = {v["key_version"]: v["not_after"] for v in (await told(binding))["versions"]}
    assert dates == {3: None, 2: "2026-11-24T05:00:00Z", 1: "2026-12-23T04:00:00Z"}
    keys = {"app_private_key": ..., "alipay_public_key": ...}
    leaked = await caller(*PUT, app_body(version=3, retire_after_h=0, **keys))
    assert (leaked.json()["key"]["key_version"], leaked.json()["version"]) == (3, 4)
    assert [v["key_version"] for v in (await told(binding))["versions"]] == [3]
    clock.advance(1)
    await sweep(binding.deps)
    gone = "SELECT count(*) FROM app_keys WHERE private_key_box IS NULL"
    assert await binding.database.value(gone) == 2


async def test_apps_add_takes_certificates_and_a_content_key(
    binding, new_merchant, app_keys, certs, tmp_path
):
    """interfaces §7: the key, or the three certificates."""
    from services.binding.commands import main as commands_main
    from services.binding.onboarding import live_check

    tenant_id, _ = await new_merchant()
    files = {name: tmp_path / name for name in (*certs, "key", "aes")}
    for name, text in {**certs, "key": app_keys.private_b64, "aes": AES_KEY}.items():
        files[name].write_text(text)
    base = ["apps", "add", "--merchant", str(tenant_id), "--app-id", APP_ID]
    base += ["--app-private-key", str(files["key"]), "--wait", "0"]
    whole = [w for name in certs for w in (f"--{name.replace('_', '-')}", str(files[name]))]

    async def run(*more):
        words = commands_main.parse([*base, *more])
        return await words.run(binding.deps, words)

    made = await run(*whole, "--aes-key", str(files["aes"]))
    assert (made["mode"], made["created"]) == ("cert", True)
    assert (await run(*whole, "--aes-key", str(files["aes"])))["changed"] is False
    await live_check.check_due(binding.deps, binding.app.state.onboarding.egress)
    assert (await told(binding))["aes_key_box"] is not None
    for wrong in (
        [], whole[:2], [*whole, "--alipay-public-key", str(files["key"])],
        [*whole, "--retire-after-h", "721"], [*whole, "--service-provider-id", "7"],
    ):  # fmt: skip
        with pytest.raises(commands_main.BadInput):
            await run(*wrong)
