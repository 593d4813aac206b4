"""The onboarding map: what is done is seen, what can be done for the merchant is done, and nothing
is believed that was not looked at."""

import asyncio

import pytest
import pytest_asyncio

from services.binding.onboarding import service as onboarding
from shared.client import ServiceClient
from shared.egress import EgressClient
from tests.fixtures.races import ROUNDS
from tests.integration.binding.conftest import APP_ID
from tests.integration.open_platform import said

MAP = "/api/merchant/v1/onboarding"
pytestmark = pytest.mark.asyncio
HOSTS = ("pay.damselfly.test", "h5.damselfly.test")
REVIEW = {
    "app_english_name": "Tea house",
    "app_slogan": "刷脸付款，一步到位，省心省力",
    "app_desc": "在门店的蜻蜓设备上刷脸或扫码付款，付款后领取优惠券并参与抽奖活动。",
    "service_phone": "4000000000",
    "version_desc": "首个版本：支持刷脸支付、扫码支付、支付后发放优惠券以及抽奖，并展示待机海报。",
}


@pytest_asyncio.fixture
async def platform(binding, service_keys, clock, device_service):
    made = binding.platform
    client = ServiceClient(
        made.url, audience="egress", signer=service_keys.signer("binding", clock), timeout_s=5
    )
    binding.app.state.onboarding = onboarding.Onboarding(
        binding.deps,
        EgressClient(client),
        onboarding.Settings(HOSTS, "", "https://pay.damselfly.test"),
    )
    yield made
    await client.aclose()


@pytest_asyncio.fixture
async def owner(binding, new_merchant):
    """The owner's view, without the cost of signing in."""
    tenant_id, user = await new_merchant()
    return binding.user(
        tenant_id, user.user_id, ["apps.read", "apps.write", "onboarding.check", "onboarding.write"]
    )


@pytest.fixture
def rows(owner):
    """The map as {row: line}, after an optional step."""

    async def look(row=None, door=None, **body):
        answer = (
            await owner("POST", f"{MAP}/rows/{row}/{door}", body)
            if row
            else await owner("GET", MAP)
        )
        assert answer.status_code == 200, answer.text
        found = answer.json()
        lines = {line["row"]: line for step in found["steps"] for line in step["rows"]}
        return {"map": found} | lines

    return look


@pytest.fixture
def worked(binding, device_service):
    return lambda: device_service.rounds(binding.app.state.onboarding)


@pytest_asyncio.fixture
async def bound(owner, app_body, platform):
    answer = await owner("PUT", "/api/merchant/v1/apps", app_body())
    assert answer.status_code in (200, 201), answer.text


async def test_a_new_merchant_sees_the_whole_way(platform, rows):
    """S16: five steps and the prerequisite, each with words in both languages and its place."""
    found = await rows()
    assert found["map"]["app_id"] is None
    assert [step["step"] for step in found["map"]["steps"]] == [0, 1, 2, 3, 4, 5]
    assert not found["map"]["is_ready"]
    assert found["map"]["next_row"] == "1.1"
    for row, line in found.items():
        if row != "map":
            assert line["title_zh"]
            assert line["help_zh"]
            assert line["title_en"].isascii()
    for row in ("0.1", "1.1", "1.2", "1.3", "2.1", "2.2", "3.1", "4.1", "4.2", "5.1"):
        assert found[row]["where_url"].startswith("https://")
    assert found["2.1"]["state"] == "blocked"
    assert [one["value"] for one in found["2.1"]["copy"]] == list(HOSTS)
    assert not platform.asked


async def test_who_bound_an_app_already_skips_the_beginning(bound, rows):
    """Parts of S17: creation is skipped; the keys are looked at again."""
    found = await rows()
    assert found["map"]["app_id"] == APP_ID
    assert (found["1.1"]["state"], found["1.2"]["state"]) == ("skipped", "done")
    assert found["1.3"]["state"] == "todo"


async def test_what_was_done_before_the_binding_stays_done(owner, app_body, platform, rows):
    found = await rows("1.3", "done", note="在开放平台点了开通")
    assert found["1.3"]["state"] == "done"
    await owner("PUT", "/api/merchant/v1/apps", app_body())
    found = await rows()
    assert found["map"]["app_id"] == APP_ID
    assert found["1.3"]["state"] == "done"
    assert found["1.3"]["note"] == "在开放平台点了开通"


async def test_the_way_to_a_released_version(binding, bound, platform, rows):
    """S25, S53, S101, S103, S132, and parts of S47: to "ready for a device" with four words of
    a person."""
    for row in ("2.2", "2.3", "0.1"):
        found = await rows(row, "check")
        assert found[row]["state"] == "done", found[row]
    assert platform.calls["alipay.trade.cancel"] == 1
    found = await rows("2.1", "run")
    assert found["2.1"]["evidence"]["domains"] == list(HOSTS)
    for row in ("1.3", "2.4", "3.1", "3.2"):
        found = await rows(row, "done")
    found = await rows("3.3", "run", form={"app_version": "1.0.0"})
    assert found["3.3"]["state"] == "running"
    found = await rows("3.3", "check")
    assert found["3.3"]["state"] == "done"
    found = await rows("4.1", "run", form=REVIEW)
    assert found["4.1"]["state"] == "running"
    platform.status["1.0.0"] = "WAIT_RELEASE"
    found = await rows("4.1", "check")
    assert found["4.1"]["state"] == "done"
    found = await rows("4.2", "run", form={"share": "p10"})
    assert (found["4.2"]["state"], found["4.2"]["evidence"]["status"]) == ("todo", "GRAY")
    found = await rows("4.2", "run", form={"share": "all"})
    assert found["4.2"]["state"] == "done"
    assert not found["map"]["is_ready"], "no device could take a payment yet"
    assert found["map"]["next_row"] == "5.0"
    upload = next(body for method, body in platform.asked if method.endswith("version.upload"))
    assert '"extEnable":true' in upload["params"]["ext"]
    assert APP_ID in upload["params"]["ext"]
    # S132: who pushed what to which device.
    await rows("5.1", "run", form={"sn": "DF0001 DF0002"})
    (pushed,) = await binding.database.fetch(
        "SELECT actor, after::text AS after FROM audit_log"
        " WHERE action = 'onboarding.running' AND subject LIKE '%:5.1'"
    )
    assert pushed["actor"].startswith("user:")
    assert '"sn": ["DF0001", "DF0002"]' in pushed["after"]
    assert '"app_version": "1.0.0"' in pushed["after"]


async def test_time_moves_what_runs(worked, bound, platform, rows, clock):
    """A build and a review end while nobody looks; the worker's round sees it."""
    platform.is_built = False
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    found = await rows("3.3", "run", form={"app_version": "1.0.0"})
    assert found["3.3"]["state"] == "running"
    await worked()  # what waited for the keys
    clock.advance(3)
    assert await worked()
    assert (await rows())["3.3"]["state"] == "running"
    platform.is_built = True
    clock.advance(10)
    await worked()
    found = await rows()
    assert (found["3.3"]["state"], found["3.3"]["by"]) == ("done", "platform")
    assert found["4.1"]["remedy"] == "not_reviewed", "and the review, whose turn has come"
    assert await worked() == 0


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (said("config_error", sub_code="isv.invalid-signature"), "public_key_not_uploaded"),
        (said("config_error", sub_code="isv.insufficient-isv-permissions"), "not_permitted"),
        (said("unknown", reason="signature"), "alipay_key_wrong"),
        (404, "app_not_bound"),
        (409, "app_not_bound"),
    ],
)
async def test_a_failed_check_says_what_to_do(bound, platform, rows, answer, remedy):
    platform.answers["alipay.trade.query"] = answer
    found = await rows("2.3", "check")
    assert (found["2.3"]["state"], found["2.3"]["remedy"]) == ("failed", remedy)
    assert found["2.3"]["remedy_zh"]
    assert found["2.3"]["remedy_en"]


@pytest.mark.parametrize("answer", [said("unknown", reason="no_answer"), 500, 503])
async def test_silence_decides_nothing(bound, platform, rows, answer):
    assert (await rows("2.3", "check"))["2.3"]["state"] == "done"
    platform.answers["alipay.trade.query"] = answer
    found = await rows("2.3", "check")
    assert (found["2.3"]["state"], found["2.3"]["remedy"]) == ("done", "platform_silent")


async def test_without_face_to_face_pay(bound, platform, rows):
    """S101: said before the merchant waits for a device."""
    platform.has_face_pay = False
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    found = await rows("0.1", "check")
    assert (found["0.1"]["state"], found["0.1"]["remedy"]) == ("failed", "face_to_face_missing")


async def test_a_refused_review_says_why(bound, platform, rows):
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    platform.status["1.0.0"] = "INIT"
    assert (await rows("3.3", "check"))["3.3"]["evidence"] == {"app_version": "1.0.0", "by": "tool"}
    await rows("4.1", "run", form=REVIEW)
    platform.status["1.0.0"] = "AUDIT_REJECT"
    found = await rows("4.1", "check")
    assert (found["4.1"]["state"], found["4.1"]["remedy"]) == ("failed", "review_rejected")
    assert found["4.1"]["evidence"]["reject_reason"] == "截图不清晰"


async def test_what_is_asked_wrongly(owner, bound, platform, rows):
    """Blocked rows, rows that are not ours, rows that are looked at, and texts that do not fit."""
    for row, door, status, code in (
        ("4.1", "run", 409, "onboarding.blocked"),
        ("1.3", "run", 409, "onboarding.not_ours"),
        ("2.3", "done", 409, "onboarding.not_by_hand"),
        ("1.1", "check", 409, "onboarding.not_by_hand"),
        ("9.9", "check", 422, "invalid_body"),
        ("5.9", "check", 404, "not_found"),
    ):
        answer = await owner("POST", f"{MAP}/rows/{row}/{door}", {})
        assert (answer.status_code, answer.json()["code"]) == (status, code), (row, door)
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    await rows("3.3", "run", form={"app_version": "1.0.0"})
    await rows("3.3", "check")
    short = REVIEW | {"app_slogan": "短", "colour": "blue"}
    answer = await owner("POST", f"{MAP}/rows/4.1/run", {"form": short})
    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} == {
        "/form/app_slogan",
        "/form/colour",
    }
    assert platform.calls["alipay.open.mini.version.audit.apply"] == 0


async def test_a_row_opened_again(bound, rows):
    await rows("1.3", "done", note="x")
    found = await rows("1.3", "reopen")
    assert (found["1.3"]["state"], found["1.3"]["note"]) == ("todo", None)


async def test_another_merchants_app_does_not_exist(bound, new_merchant, binding):
    tenant_id, user = await new_merchant("Bakery", "owner@bakery")
    other = binding.user(
        tenant_id, user.user_id, ["apps.read", "apps.write", "onboarding.check", "onboarding.write"]
    )
    answer = await other("GET", MAP, app_id=APP_ID)
    assert answer.status_code == 404
    answer = await other("POST", f"{MAP}/rows/2.3/check", {"app_id": APP_ID})
    assert answer.status_code == 404
    answer = await other("POST", f"/api/merchant/v1/apps/{APP_ID}/probe")
    assert answer.status_code == 404


async def test_the_live_probe(owner, bound, platform):
    """S129: each side accepts the other's signature, or it is said which does not."""
    answer = (await owner("POST", f"/api/merchant/v1/apps/{APP_ID}/probe")).json()
    assert (answer["is_ok"], answer["findings"][0]["title"][-9:]) == (True, " its own.")
    platform.answers["alipay.trade.query"] = said("config_error", sub_code="isv.invalid-signature")
    answer = (await owner("POST", f"/api/merchant/v1/apps/{APP_ID}/probe")).json()
    assert not answer["is_ok"]
    assert answer["findings"][0]["code"] == "doctor.public_key_not_uploaded"


async def test_the_doctor_at_the_door(owner, app_keys, alipay_keys):
    """S27-S29: findings, and facts of what can be used; never the private half."""
    body = {"app_private_key": app_keys.private_b64, "alipay_public_key": app_keys.public_b64}
    answer = await owner("POST", "/api/merchant/v1/apps/key-check", body)
    found = answer.json()
    assert not found["can_save"]
    assert found["private"]["public_key"] == app_keys.public_b64
    assert "binding.own_public_key" in {one["code"] for one in found["findings"]}
    secret = app_keys.private_b64[-900:]  # behind the modulus, which is public
    assert not any(secret[at : at + 40] in answer.text for at in range(0, 860, 20))
    body["alipay_public_key"] = alipay_keys.public_b64
    assert (await owner("POST", "/api/merchant/v1/apps/key-check", body)).json()["can_save"]


async def test_a_pair_made_here(owner):
    """S26, S27: 2048 bits, of which only the public half is ever seen."""
    answer = await owner("POST", "/api/merchant/v1/apps/key-pairs")
    assert answer.status_code == 201
    made = answer.json()
    assert made["bits"] == 2048
    assert not any("private" in name for name in made)
    body = {"app_private_key": "x", "key_pair_id": made["key_pair_id"]}
    answer = await owner("POST", "/api/merchant/v1/apps/key-check", body)
    found = answer.json()
    assert found["private"] is None, answer.text
    missing = {"key_pair_id": "00000000-0000-0000-0000-000000000000"}
    answer = await owner("POST", "/api/merchant/v1/apps/key-check", missing)
    assert answer.status_code == 404


async def test_the_doctor_knows_what_is_bound(bound, owner, app_keys, other_keys):
    """The application's own public key in the box for Alipay's, long after it was bound: nothing of
    the pair is pasted, and it is known all the same."""
    door = "/api/merchant/v1/apps/key-check"
    for pasted, wrong in ((app_keys.public_b64, True), (other_keys.public_b64, False)):
        found = await owner("POST", door, {"app_id": APP_ID, "alipay_public_key": pasted})
        assert found.status_code == 200, found.text
        codes = [one["code"] for one in found.json()["findings"] if one["level"] == "error"]
        assert ("binding.own_public_key" in codes) is wrong


async def test_two_workers_look_at_a_row_once(device_service, worked, bound, platform, rows, clock):
    """The round that took it first asks the platform; the other one finds nothing due."""
    platform.is_built = False
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    await rows("3.3", "run", form={"app_version": "1.0.0"})
    await worked()  # what waited for the keys
    clock.advance(3)
    for _ in range(10):
        looked = await asyncio.gather(*(device_service.look() for _ in range(4)))
        assert sum(looked) == 1
        clock.advance(600)


async def test_a_word_counts_only_where_nobody_can_look(owner, bound, platform, rows):
    """ADR 0014: not for a row whose turn it is not, nor for one that we carry out ourselves,
    unless the platform does not permit us to."""
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    for row, code in (("4.1", "onboarding.blocked"), ("2.1", "onboarding.not_by_hand")):
        answer = await owner("POST", f"{MAP}/rows/{row}/done", {})
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        assert not (await rows())[row]["can_mark"]
    forbidden = said("config_error", sub_code="isv.insufficient-isv-permissions")
    platform.answers["alipay.open.mini.baseinfo.query"] = forbidden
    found = await rows("2.1", "check")
    assert (found["2.1"]["remedy"], found["2.1"]["can_mark"]) == ("not_permitted", True)
    assert (await rows("2.1", "done", note="手动加好了"))["2.1"]["state"] == "done"


@pytest.mark.races
async def test_a_row_runs_once(owner, bound, platform, rows):
    """Many times: of two who start it at once, one does."""
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    platform.is_built = False
    for turn in range(ROUNDS):
        before = platform.calls["alipay.open.mini.version.upload"]
        body = {"form": {"app_version": f"1.0.{turn}"}}
        answers = await asyncio.gather(
            *(owner("POST", f"{MAP}/rows/3.3/run", body) for _ in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        assert platform.calls["alipay.open.mini.version.upload"] == before + 1
        again = await owner("POST", f"{MAP}/rows/3.3/run", body)
        assert (again.status_code, again.json()["code"]) == (409, "onboarding.running")
        await rows("3.3", "reopen")


async def test_one_odd_row_stops_no_other(binding, worked, bound, platform, rows, clock):
    """A version spelled oddly is no crash, and a row that cannot be looked at is put off."""
    for row in ("2.2", "2.3"):
        await rows(row, "check")
    await rows("1.3", "done")
    await rows("2.1", "run")
    platform.status |= {"1.0.0": "INIT", "v2-beta": "INIT", "1.²": "INIT"}
    assert (await rows("3.3", "check"))["3.3"]["evidence"]["app_version"] == "1.0.0"
    platform.is_built = False
    await rows("3.3", "run", form={"app_version": "1.0.1"})
    await binding.database.execute(
        "INSERT INTO onboarding_rows (tenant_id, app_id, row, state, evidence, by, at, attempts,"
        " next_check_at) SELECT tenant_id, app_id, '9.9', 'running', '{}', 'x', at, 0,"
        " '2026-01-01' FROM onboarding_rows WHERE row = '3.3'"
    )
    platform.is_built = True
    clock.advance(10)
    await worked()
    assert (await rows())["3.3"]["state"] == "done"
    assert await worked() == 0, "put off"
