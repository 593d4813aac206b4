"""App-gateway messages at binding: stored once, kept whole, handed to whoever registered."""

import base64

import pytest

from services.binding.messages.service import MessageHandlers, handle_due
from tests.integration.binding.conftest import APP_ID

pytestmark = pytest.mark.asyncio

PASSED = "alipay.open.mini.version.audit.passed"


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
def take(binding, owner, app_body):
    tenant_id, caller = owner

    async def send(sent):
        if not await binding.database.value("SELECT count(*) FROM apps"):
            assert (await caller("PUT", "/api/merchant/v1/apps", app_body())).status_code == 200
        return await binding.caller(tenant_id=tenant_id)("POST", "/internal/messages", sent)

    return send


async def test_stored_once_and_whole(binding, take):
    sent = document()
    assert (await take(sent)).json() == {"verdict": "stored"}
    assert (await take(sent)).json() == {"verdict": "duplicate"}
    (row,) = await binding.database.fetch("SELECT * FROM app_messages")
    assert (row["msg_method"], row["handled_at"]) == (PASSED, None)
    assert row["biz_content"] == sent["fields"]["biz_content"]
    assert row["body"] == base64.b64decode(sent["body_b64"])


async def test_the_older_envelope_and_missing_ids(binding, take):
    old = document(msg_method=None, notify_type="servicemarket_order_notify", notify_id=None)
    assert (await take(old)).json() == {"verdict": "stored"}
    assert (await take(old)).json() == {"verdict": "duplicate"}
    method = await binding.database.value("SELECT msg_method FROM app_messages")
    assert method == "servicemarket_order_notify"


@pytest.mark.parametrize(
    "changed", [{"msg_method": None}, {"app_id": "2021000000000002"}, {"biz_content": "a\0b"}]
)
async def test_what_says_nothing_is_refused(take, changed):
    answer = await take(document(**changed))
    assert (answer.status_code, answer.json()["code"]) == (422, "binding.bad_message")


async def test_only_the_edge_brings_them(binding, owner):
    tenant_id, _ = owner
    for issuer in ("payment", "gateway-egress"):
        caller = binding.caller(issuer, tenant_id=tenant_id)
        assert (await caller("POST", "/internal/messages", document())).status_code == 403


async def test_handlers_get_each_message_once(binding, take):
    """The hook for onboarding: in the transaction that marks it; one that fails waits."""
    handlers, seen = MessageHandlers(), []
    for number in range(1, 4):
        await take(document(number))
    await take(document(4, msg_method="alipay.nobody.listens"))
    assert await handle_due(binding.deps, handlers) == 0

    @handlers.on(PASSED)
    async def passed(_deps, _tx, message):
        seen.append(int(message.msg_id))
        if message.msg_id.endswith("2") and len(seen) < 5:
            raise RuntimeError("not now")

    assert await handle_due(binding.deps, handlers) == 2
    assert seen == [1, 2, 3]
    assert await handle_due(binding.deps, handlers) == 0
    assert await handle_due(binding.deps, handlers) == 1
    assert seen == [1, 2, 3, 2, 2]
    left = await binding.database.fetch("SELECT msg_id FROM app_messages WHERE handled_at IS NULL")
    assert [int(row["msg_id"]) for row in left] == [4]
    with pytest.raises(ValueError, match="has a handler"):
        handlers.on(PASSED)(lambda *_: None)
