"""The setup wizard in one order that ends: what is one act is one act, what waits is looked at by
itself, and "ready" is said when a device of the merchant could take a payment now."""

from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import event

from services.binding.onboarding.models import KnownDevice
from tests.integration.binding.wizard import HOSTS, MAP, PERMISSIONS, REVIEW
from tests.integration.open_platform import said

pytestmark = pytest.mark.asyncio
SILENT = said("unknown", reason="no_answer")
BAD_KEY = said("config_error", sub_code="isv.invalid-signature")


# --- one order


async def test_binding_is_one_act(wizard):
    """F18: saving the keys settles the mini program, the keys and the binding without a click; what
    waited for them is looked at and carried out by itself. No jump back."""
    assert (await wizard("1.1", "done"))["map"]["next_row"] == "1.2"
    await wizard.bind()
    assert await wizard.states("1.2", "2.2", "2.3") == {"done"}
    assert await wizard.states("0.1", "2.1") == {"running"}
    assert (await wizard())["map"]["next_row"] == "1.3"
    await wizard.work()
    found = await wizard()
    assert await wizard.states("0.1", "2.1") == {"done"}
    assert wizard.platform.domains == list(HOSTS)
    assert (found["2.1"]["by"], found["map"]["next_row"]) == ("platform", "1.3")
    asked = len(wizard.platform.asked)
    assert await wizard.later(3600) == 0
    assert len(wizard.platform.asked) == asked, "what is done is not asked about again"


async def test_keys_that_are_not_proven_yet_wait_by_themselves(wizard):
    wizard.platform.answers["alipay.trade.query"] = SILENT
    await wizard.bind()
    found = await wizard()
    assert [found[row]["state"] for row in ("2.2", "2.3", "0.1")] == [
        "running", "blocked", "blocked",
    ]  # fmt: skip
    wizard.platform.answers["alipay.trade.query"] = BAD_KEY
    await wizard.later(3)
    found = await wizard()
    assert (found["2.2"]["state"], found["2.2"]["remedy"]) == ("failed", "public_key_not_uploaded")
    wizard.platform.answers.clear()
    await wizard.later(30)
    assert await wizard.states("2.2", "2.3", "0.1", "2.1") == {"done"}


async def test_what_was_wrong_with_keys_is_over_with_new_ones(wizard, other_keys):
    """A check of working keys failed later; other keys are bound and proven."""
    await wizard.bind()
    wizard.platform.answers["alipay.trade.query"] = BAD_KEY
    assert (await wizard("2.3", "check"))["2.3"]["state"] == "failed"
    wizard.platform.answers.clear()
    await wizard.bind(app_private_key=other_keys.private_b64, version=1)
    assert await wizard.states("2.2", "2.3") == {"done"}


async def test_no_face_to_face_pay_holds_nobody_up_and_is_looked_at_again(wizard):
    """It is said at once, the way goes on, and when Alipay has it nobody has to click."""
    wizard.platform.has_face_pay = False
    await wizard.bind()
    await wizard.work()
    found = await wizard()
    assert (found["0.1"]["state"], found["0.1"]["remedy"]) == ("failed", "face_to_face_missing")
    assert found["map"]["next_row"] == "1.3"
    wizard.platform.has_face_pay = True
    await wizard.later(4)
    assert await wizard.states("0.1") == {"failed"}, "not its time yet"
    await wizard.later(2)
    assert await wizard.states("0.1") == {"done"}


async def test_looks_become_rarer_and_end(wizard):
    """A week of looks at what does not change; a person's look begins anew."""
    wizard.platform.has_face_pay = False
    await wizard.bind()
    await wizard.work()
    door = "alipay.trade.precreate"
    await wizard.later(3600)
    for _ in range(3):
        before = wizard.platform.calls[door]
        await wizard.later(6)
        assert wizard.platform.calls[door] == before
        await wizard.later(3600)
        assert wizard.platform.calls[door] == before + 1
    await wizard.binding.database.execute("UPDATE onboarding_rows SET attempts = 1000")
    await wizard.later(3600)
    before = wizard.platform.calls[door]
    await wizard.later(30 * 24 * 3600)
    assert wizard.platform.calls[door] == before


async def test_four_cards_hold_every_row_once(wizard):
    found = await wizard()
    cards = found["map"]["cards"]
    assert [card["code"] for card in cards] == ["account", "keys", "program", "devices"]
    shown = [row for card in cards for row in card["rows"]]
    assert sorted(shown) == sorted(row for row in found if row != "map")


async def test_what_only_ones_own_tool_needs_is_never_next(wizard):
    """F18: 3.1 and 3.2 had to be ticked although the platform uploaded."""
    await wizard.bind()
    await wizard.work()
    found = await wizard("1.3", "done")
    assert (found["2.4"]["state"], found["map"]["next_row"]) == ("todo", "3.3")
    assert [row for row in found if row != "map" and found[row]["optional"]] == [
        "2.4", "3.1", "3.2",
    ]  # fmt: skip
    await wizard("3.3", "run", form={"app_version": "1.0.0"})
    assert await wizard.states("2.4", "3.1", "3.2") == {"skipped"}


async def test_a_version_of_ones_own_is_found_by_itself(wizard):
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    await wizard.work()
    assert await wizard.states("3.3") == {"todo"}
    wizard.platform.status["2.0.0"] = "AUDITING"
    await wizard.later(11)
    found = await wizard()
    assert (found["3.3"]["state"], found["3.3"]["evidence"]["app_version"]) == ("done", "2.0.0")
    assert found["4.1"]["state"] == "running", "submitted at Alipay: seen as well"


async def test_a_store_is_a_step(wizard):
    found = await wizard()
    assert (found["5.0"]["state"], found["5.2"]["state"]) == ("todo", "blocked")
    await wizard.store()
    found = await wizard()
    assert (found["5.0"]["state"], found["5.2"]["state"]) == ("done", "todo")


# --- an end that is true


async def test_ready_and_a_hundred_per_cent_come_together(wizard):
    """F6: not before a device could sell, not after the last one is gone, and never apart."""

    async def shown():
        there = (await wizard())["map"]
        assert (there["percent"] == 100) == there["is_ready"], there
        assert there["is_ready"] == there["takes_payments"]
        return there

    await shown()
    await wizard.uploaded()
    await wizard.store()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "run", form={"share": "all"})
    there = await shown()
    assert (there["is_ready"], there["next_row"]) == (False, "5.1")
    first = await wizard.enrol("SN-1")
    assert (await shown())["next_row"] is None
    assert (await shown())["is_ready"]
    second = await wizard.enrol("SN-2")
    for device_id, is_left in ((first, True), (second, False)):
        wizard.clock.advance(1)
        await wizard.revoke(device_id)
        assert (await shown())["is_ready"] is is_left
    wizard.clock.advance(1)
    await wizard.enrol("SN-1", first)
    assert (await shown())["is_ready"]


async def test_who_sells_has_no_step_left(wizard):
    """F6: bound and enrolled by other ways than the wizard. What the device shows to be there is
    not asked for."""
    await wizard.store()
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1")
    there = (await wizard())["map"]
    assert (there["is_ready"], there["percent"], there["next_row"]) == (True, 100, None)
    assert await wizard.states("1.3", "2.4", "3.3", "4.1", "4.2", "5.1") == {"skipped"}
    await wizard.binding.database.execute("UPDATE apps SET is_enabled = false")
    found = await wizard()
    assert (found["map"]["is_ready"], found["map"]["takes_payments"]) == (False, False)
    assert (found["2.3"]["state"], found["2.3"]["remedy"]) == ("todo", "app_switched_off")
    assert found["map"]["next_row"] == "2.3", "what the device has shown stays shown"
    assert await wizard.states("1.3", "3.3", "4.1", "4.2") == {"skipped"}


@pytest.mark.parametrize("is_without", [True, False])
async def test_without_face_to_face_pay_nobody_is_ready(wizard, is_without):
    wizard.platform.has_face_pay = not is_without
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1")
    there = (await wizard())["map"]
    assert (there["is_ready"], there["takes_payments"]) == (not is_without, not is_without)


async def test_keys_that_do_not_count_sell_nothing(wizard):
    wizard.platform.answers["alipay.trade.query"] = BAD_KEY
    await wizard.bind()
    await wizard.enrol("SN-1")
    there = (await wizard())["map"]
    assert (there["is_ready"], there["takes_payments"]) == (False, False)


async def test_old_keys_sell_while_new_ones_wait(wizard, other_keys):
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1")
    wizard.platform.answers["alipay.trade.query"] = BAD_KEY
    await wizard.bind(app_private_key=other_keys.private_b64, version=1)
    found = await wizard()
    assert (found["2.2"]["state"], found["map"]["is_ready"]) == ("failed", True)


async def test_a_test_cashier_counts_in_the_sandbox_only(wizard):
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1", kind="test_cashier")
    found = await wizard()
    assert (found["map"]["is_ready"], found["map"]["takes_payments"]) == (False, False)
    assert found["5.2"]["state"] == "blocked"
    wizard.in_sandbox()
    found = await wizard()
    assert (found["map"]["is_ready"], found["5.2"]["evidence"]) == (True, {"sn": "SN-1"})


async def test_what_a_device_is_nobody_tells_by_its_number(wizard):
    """A terminal of somebody whose numbers begin like those of the console's pages."""
    await wizard.bind()
    await wizard.work()
    device_id = await wizard.enrol("TEST-1")
    assert (await wizard())["map"]["is_ready"]
    wizard.clock.advance(1)
    await wizard.enrol("TEST-1", device_id, kind="test_cashier")
    assert not (await wizard())["map"]["is_ready"], "enrolled anew, as a page this time"


async def test_who_sells_and_binds_another_app_sells_on(wizard, other_keys):
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1")
    wizard.clock.advance(1)
    wizard.platform.answers["alipay.trade.query"] = SILENT
    await wizard.bind(app_id="2021000000000002", app_private_key=other_keys.private_b64)
    there = (await wizard())["map"]
    assert there["app_id"] == "2021000000000002"
    assert (there["is_ready"], there["takes_payments"]) == (False, True)


@pytest_asyncio.fixture
async def updated(wizard):
    """A shop that sells, right after an update: the map had its first device, none is remembered
    by itself. Its devices."""
    await wizard.bind()
    await wizard.work()
    devices = [await wizard.enrol(sn) for sn in ("SN-OLD", "SN-2", "SN-3")]
    await wizard.binding.database.execute("DELETE FROM known_devices")
    wizard.clock.advance(1)
    return devices


async def test_a_shop_that_sells_is_ready_after_an_update(wizard, updated):
    """Nobody who takes payments reads "steps to go": not before the device service has told which
    devices there are, and not when one of them goes meanwhile."""
    found = await wizard()
    assert (found["map"]["is_ready"], found["5.2"]["evidence"]["sn"]) == (True, "SN-OLD")
    for gone in (updated[2], uuid4()):
        await wizard.revoke(gone)
        assert (await wizard())["map"]["is_ready"], "nobody has said that no other is left"
    entries = await wizard.binding.database.fetch(
        "SELECT action FROM audit_log WHERE subject LIKE '%:5.2' ORDER BY seq"
    )
    assert [entry["action"] for entry in entries] == ["onboarding.done"]


async def test_after_an_update_the_last_device_that_goes_is_heard_of(wizard, updated):
    """All that hold a key are said once more (tests/integration/device/test_updates.py)."""
    first, second, third = updated
    await wizard.revoke(third)
    for sn, device_id in (("SN-OLD", first), ("SN-2", second)):
        await wizard.enrol(sn, device_id)
    for device_id, is_left in ((first, True), (second, False)):
        wizard.clock.advance(1)
        await wizard.revoke(device_id)
        assert (await wizard())["map"]["is_ready"] is is_left


async def test_a_shop_without_devices_is_not_ready_after_an_update(wizard, updated):
    """Its last device is said to have been enrolled, and to be gone."""
    await wizard.enrol("SN-3", updated[2])
    wizard.clock.advance(1)
    await wizard.revoke(updated[2])
    found = await wizard()
    assert (found["map"]["is_ready"], found["5.2"]["state"]) == (False, "blocked")


async def test_one_device_of_a_fleet_is_read(wizard):
    """The map asks every few seconds, and the cockpit for a hundred merchants at once."""
    await wizard.bind()
    await wizard.work()
    first = await wizard.enrol("SN-0", kind="test_cashier")
    for n in range(1, 30):
        wizard.clock.advance(1)
        await wizard.enrol(f"SN-{n}")
    await wizard.revoke(first)
    read = []

    def note(one, _context):
        read.append(one.sn)

    event.listen(KnownDevice, "load", note)
    try:
        assert (await wizard())["5.2"]["evidence"] == {"sn": "SN-1"}
    finally:
        event.remove(KnownDevice, "load", note)
    assert read == ["SN-1"]


async def test_a_word_that_comes_late_undoes_nothing(wizard):
    """Enrolled anew, and only then heard that it had been revoked before."""
    await wizard.bind()
    await wizard.work()
    device_id = await wizard.enrol("SN-1")
    wizard.clock.advance(10)
    await wizard.enrol("SN-1", device_id)
    wizard.clock.advance(-5)
    await wizard.revoke(device_id)
    wizard.clock.advance(5)
    assert (await wizard())["map"]["is_ready"]


async def test_the_last_device_that_goes_is_an_entry(wizard):
    """S132: the row was done, and is open again."""
    await wizard.bind()
    device_id = await wizard.enrol("SN-1")
    wizard.clock.advance(1)
    await wizard.revoke(device_id)
    entries = await wizard.binding.database.fetch(
        "SELECT action FROM audit_log WHERE subject LIKE '%:5.2' ORDER BY seq"
    )
    assert [entry["action"] for entry in entries] == ["onboarding.done", "onboarding.todo"]


async def test_devices_of_another_merchant_are_not_seen(wizard, new_merchant):
    await wizard.bind()
    await wizard.work()
    other, user = await new_merchant("Bakery", "owner@bakery")
    await wizard.enrol("SN-1", tenant_id=other)
    assert not (await wizard())["map"]["is_ready"]
    theirs = wizard.binding.user(other, user.user_id, PERMISSIONS)
    answer = (await theirs("GET", MAP)).json()
    assert (answer["app_id"], answer["is_ready"]) == (None, False)


async def test_a_suspended_merchant_is_not_ready_with_every_row_done(wizard):
    """Its devices take no payment now, so neither word nor number says so."""
    await wizard.store()
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("SN-1")
    await wizard.binding.database.execute(
        "UPDATE merchants SET suspended_at = now(), suspended_reason = 'x'"
    )
    there = (await wizard())["map"]
    assert (there["is_ready"], there["takes_payments"], there["percent"]) == (False, False, 99)
