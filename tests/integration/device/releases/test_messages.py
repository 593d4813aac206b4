"""App-gateway messages: stored once, kept whole, never believed, a reason to look now."""

import base64

import pytest

from tests.integration.device.conftest import MERCHANT, OTHER_MERCHANT
from tests.integration.device.releases.conftest import APP_ID

pytestmark = pytest.mark.asyncio

PASSED = "alipay.open.mini.version.audit.passed"
DETAIL = "alipay.open.mini.version.detail.query"


def document(number=1, **changed):
    fields = {
        "app_id": APP_ID,
        "msg_method": PASSED,
        "notify_id": f"{number:034d}",
        "biz_content": '{"mini_app_id":"2021000000000009"}',
    } | changed
    fields = {name: value for name, value in fields.items() if value is not None}
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    return {
        "route": "r",
        "app_id": APP_ID,
        "body_b64": base64.b64encode(body).decode(),
        "fields": fields,
        "received_at": f"2026-11-23T04:00:{number:02d}Z",
    }


@pytest.fixture
def take(device):
    async def send(sent, tenant_id=MERCHANT):
        return await device.caller(tenant_id=tenant_id)("POST", "/internal/messages", sent)

    return send


async def test_stored_once_and_whole(device, take):
    sent = document()
    assert (await take(sent)).json() == {"verdict": "stored"}
    assert (await take(sent)).json() == {"verdict": "duplicate"}
    (row,) = await device.database.fetch("SELECT * FROM app_messages")
    assert row["msg_method"] == PASSED
    assert row["biz_content"] == sent["fields"]["biz_content"]
    assert row["body"] == base64.b64decode(sent["body_b64"])


async def test_the_older_envelope_and_missing_ids(device, take):
    old = document(msg_method=None, notify_type="servicemarket_order_notify", notify_id=None)
    assert (await take(old)).json() == {"verdict": "stored"}
    assert (await take(old)).json() == {"verdict": "duplicate"}
    (row,) = await device.database.fetch("SELECT msg_method, handled_at FROM app_messages")
    assert tuple(row) == ("servicemarket_order_notify", None), "nobody acts on it yet"


@pytest.mark.parametrize(
    "changed", [{"msg_method": None}, {"app_id": "2021000000000002"}, {"biz_content": "a\0b"}]
)
async def test_what_says_nothing_is_refused(take, changed):
    answer = await take(document(**changed))
    assert (answer.status_code, answer.json()["code"]) == (422, "device.bad_message")


async def test_only_the_edge_brings_them(device):
    for issuer in ("payment", "gateway-egress", "binding"):
        caller = device.caller(issuer, tenant_id=MERCHANT)
        assert (await caller("POST", "/internal/messages", document())).status_code in (401, 403)


async def test_a_message_hurries_the_look_and_is_not_believed(releases, take):
    """It says "passed" while the review runs: asked is asked, and what Alipay answers counts."""
    releases.platform.status["1.0.0"] = "INIT"
    await releases.done("review", "act", form={})
    for seconds in (3, 6, 12):
        releases.clock.advance(seconds)
        await releases.look()
    assert await releases.look() == 0
    asked = releases.platform.calls[DETAIL]
    await take(document())
    assert await releases.look() == 1
    assert releases.platform.calls[DETAIL] == asked + 1
    assert (await releases.told())[-1].state == "running"
    releases.platform.status["1.0.0"] = "WAIT_RELEASE"
    assert await releases.look() == 0, "not its time yet"
    await take(document(2))
    assert await releases.look() == 1
    assert (await releases.told())[-1].state == "done"


async def test_the_same_message_again_hurries_nothing(releases, take):
    releases.platform.status["1.0.0"] = "INIT"
    await releases.done("review", "act", form={})
    await take(document())
    assert await releases.look() == 1
    await take(document())
    assert await releases.look() == 0


async def test_a_message_is_about_its_own_merchants_app(releases, take):
    releases.platform.status["1.0.0"] = "INIT"
    await releases.done("review", "act", form={})
    await take(document(), OTHER_MERCHANT)
    assert await releases.look() == 0
