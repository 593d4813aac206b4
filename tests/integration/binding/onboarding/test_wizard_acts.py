"""What the setup wizard carries out: once, with the platform's own reason when it is refused, and
with nothing lost of what somebody typed."""

import asyncio

import pytest

from services.binding.onboarding import releases as onboarding_releases
from services.device.releases import checks
from tests.integration.binding.device_service import Killed
from tests.integration.binding.wizard import APPS, MAP, PERMISSIONS, REVIEW
from tests.integration.open_platform import said

pytestmark = pytest.mark.asyncio
APPLY = "alipay.open.mini.version.audit.apply"
PUSH = "alipay.commerce.iot.device.upgradeapp.create"
UPLOAD = "alipay.open.mini.version.upload"


def typed(line):
    return {one["field"]: one["value"] for one in line["form"]}


# --- once


async def test_a_second_submit_while_a_review_runs(wizard):
    """F7: two tabs. The second is told that it runs, nothing is asked twice, and no look of the
    worker, however often, paints it red."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    for _ in range(5):
        await wizard.later(3)
        again = await wizard.owner("POST", f"{MAP}/rows/4.1/run", {"form": REVIEW})
        assert (again.status_code, again.json()["code"]) == (409, "onboarding.running")
        found = await wizard()
        assert (found["4.1"]["state"], found["4.1"]["remedy"]) == ("running", None)
        assert not found["4.1"]["can_run"]
    assert wizard.platform.calls[APPLY] == 1
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    await wizard.later(600)
    assert await wizard.states("4.1") == {"done"}


async def test_a_review_that_somebody_else_began_is_running(wizard):
    """Submitted at Alipay's own page: ours is refused, and that is no failure."""
    await wizard.uploaded()
    wizard.platform.status["1.0.0"] = "AUDITING"
    wizard.platform.answers[APPLY] = said(
        "refused", sub_code="APP_VERSION_STATUS_ERROR", sub_msg="当前状态AUDITING"
    )
    assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    await wizard.later(600)
    assert await wizard.states("4.1") == {"done"}
    wizard.platform.status["1.0.0"] = "RELEASE"
    wizard.platform.answers["alipay.open.mini.version.online"] = said(
        "refused", sub_code="APP_VERSION_STATUS_ERROR", sub_msg="当前状态RELEASE"
    )
    assert (await wizard("4.2", "run", form={"share": "all"}))["4.2"]["state"] == "done"


async def test_a_slow_submit_is_not_undone_by_a_look_at_it(wizard):
    """The platform has not heard of it yet when the worker asks: it goes on, and stays alone."""
    await wizard.uploaded()
    asked, answered = asyncio.Event(), asyncio.Event()

    async def hold(_body):
        asked.set()
        await answered.wait()

    wizard.platform.held[APPLY] = hold
    first = asyncio.create_task(wizard("4.1", "run", form=REVIEW))
    await asked.wait()
    wizard.device.is_held_up = True
    await wizard.later(30)
    again = await wizard.owner("POST", f"{MAP}/rows/4.1/run", {"form": REVIEW})
    assert (again.status_code, again.json()["code"]) == (409, "onboarding.running")
    answered.set()
    assert (await first)["4.1"]["state"] == "running"
    assert wizard.platform.calls[APPLY] == 1


async def test_an_act_whose_answer_was_lost_is_asked_for(wizard, monkeypatch):
    """The process ended between the call and its answer: a minute later the row is looked at, and
    nothing is submitted a second time."""
    await wizard.uploaded()
    real, died = checks.ACTS["review"], asyncio.Event()

    async def dies(case, form):
        await real(case, form)
        died.set()
        raise Killed

    monkeypatch.setattr(onboarding_releases, "WAIT_S", 0.2)
    with monkeypatch.context() as patched:
        patched.setitem(checks.ACTS, "review", dies)
        assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"
        # The page waits a moment only, and the request may be carried out after that.
        async with asyncio.timeout(20):
            await died.wait()
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    await wizard.later(66)
    assert await wizard.states("4.1") == {"done"}
    assert wizard.platform.calls[APPLY] == 1


async def test_a_look_that_was_overtaken_says_nothing(wizard):
    """The worker asks which versions there are; meanwhile the merchant uploads one, and what the
    worker hears then is about a row that is something else by now."""
    await wizard.bind()
    await wizard.work()
    wizard.platform.is_built = False
    listed, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_body):
        wizard.platform.status["0.9.0"] = "INIT"
        listed.set()
        await go_on.wait()

    wizard.platform.held["alipay.open.mini.version.list.query"] = hold
    await wizard("1.3", "done")
    look = asyncio.create_task(wizard.work())
    await listed.wait()
    await wizard("3.3", "run", form={"app_version": "1.0.0"})
    go_on.set()
    await look
    found = await wizard()
    assert (found["3.3"]["state"], found["3.3"]["evidence"]["app_version"]) == ("running", "1.0.0")


# --- a failure: its reason, and its end


async def test_a_failed_row_is_looked_at_again(wizard):
    """F7: refused, then passed at Alipay: nobody has to click."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "AUDIT_REJECT"
    await wizard.later(3)
    line = (await wizard())["4.1"]
    assert (line["state"], line["remedy"]) == ("failed", "review_rejected")
    assert line["reason"] == "截图不清晰"
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    await wizard.later(6)
    line = (await wizard())["4.1"]
    assert (line["state"], line["reason"]) == ("done", None)


async def test_a_refusal_keeps_its_reason_until_it_is_over(wizard):
    """Looking again shows that nothing has happened: the reason stays where it is."""
    await wizard.uploaded()
    wizard.platform.answers[APPLY] = said(
        "refused", sub_code="AUDIT_FIELD_MISSING", sub_msg="提审信息不完整"
    )
    await wizard("4.1", "run", form=REVIEW)
    for seconds in (6, 60, 3600):
        await wizard.later(seconds)
        line = (await wizard())["4.1"]
        assert (line["state"], line["reason"]) == ("failed", "提审信息不完整")
    wizard.platform.answers["alipay.open.mini.version.detail.query"] = said("unknown", reason="x")
    line = (await wizard("4.1", "check"))["4.1"]
    assert (line["state"], line["reason"]) == ("failed", "提审信息不完整")


@pytest.mark.parametrize(
    ("sub_code", "remedy"),
    [
        ("DEVICE_NOT_EXIST", "device_unknown"),
        ("DEVICE_NO_PERMISSION", "device_not_yours"),
        ("APP_NOT_ONLINE", "not_released"),
        ("SOMETHING_NEW", "refused"),
    ],
)
async def test_refusals_say_the_platforms_reason_and_what_to_do(wizard, sub_code, remedy):
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "check")
    wizard.platform.answers[PUSH] = said("refused", sub_code=sub_code, sub_msg="平台的原话")
    line = (await wizard("5.1", "run", form={"sn": "DF0001"}))["5.1"]
    assert (line["state"], line["reason"], line["remedy"]) == ("failed", "平台的原话", remedy)
    assert line["remedy_zh"]
    assert line["remedy_en"].isascii()


async def test_a_push_without_an_answer_can_be_repeated(wizard):
    """It is told as what it is; and if it did arrive, a device that signs in shows it."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "check")
    wizard.platform.answers[PUSH] = said("unknown", reason="no_answer")
    for _ in range(2):
        line = (await wizard("5.1", "run", form={"sn": "DF0001"}))["5.1"]
        assert (line["state"], line["remedy"], line["can_run"]) == ("failed", "push_unknown", True)
        assert "服务分发" in line["remedy_zh"]
    await wizard.enrol("QCF4000001")
    assert await wizard.states("5.1") == {"skipped"}


async def test_an_end_that_is_not_enabled_leads_back_to_its_row(wizard):
    """A person's word for it is disproved by the platform: the row is open again, and told."""
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done", note="开了")
    wizard.platform.answers[UPLOAD] = said(
        "refused", sub_code="BUNDLE_NOT_ENABLED", sub_msg="小程序未开启该端的多端发布"
    )
    found = await wizard("3.3", "run", form={"app_version": "1.0.0"})
    line = found["3.3"]
    assert (line["remedy"], line["remedy_row"]) == ("iot_not_enabled", "1.3")
    assert line["reason"] == "小程序未开启该端的多端发布"
    assert (found["1.3"]["state"], found["map"]["next_row"]) == ("todo", "1.3")
    wizard.platform.answers.clear()
    await wizard("1.3", "done")
    found = await wizard("3.3", "run", form={"app_version": "1.0.0"})
    assert found["3.3"]["state"] == "running"


# --- what was typed


async def test_what_was_typed_is_kept(wizard):
    """F18: left, sent, and refused: the texts are there the next time, for a colleague as well."""
    await wizard.uploaded()
    door = f"{MAP}/rows/4.1/draft"
    half = {"app_slogan": "刷脸", "memo": "第一行\n第二行"}
    answer = await wizard.owner("PUT", door, {"form": half})
    assert answer.status_code == 204, answer.text
    line = (await wizard())["4.1"]
    assert (line["state"], typed(line)["app_slogan"]) == ("todo", "刷脸")
    assert typed(line)["memo"] == "第一行\n第二行"
    assert typed(line)["app_english_name"] == ""
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "AUDIT_REJECT"
    line = (await wizard("4.1", "check"))["4.1"]
    assert line["state"] == "failed"
    assert {name: typed(line)[name] for name in REVIEW} == REVIEW
    await wizard("4.1", "reopen")
    assert typed((await wizard())["4.1"])["app_slogan"] == REVIEW["app_slogan"]


async def test_a_draft_is_of_its_row_and_its_merchant(wizard, new_merchant):
    await wizard.uploaded()
    for row, form, status in (
        ("4.1", {"colour": "blue"}, 422),
        ("1.3", {"x": "y"}, 422),
        ("1.3", {}, 422),
        ("9.9", {}, 422),
        ("5.9", {}, 404),
    ):
        answer = await wizard.owner("PUT", f"{MAP}/rows/{row}/draft", {"form": form})
        assert answer.status_code == status, (row, answer.text)
    await wizard.owner("PUT", f"{MAP}/rows/4.1/draft", {"form": {"app_slogan": "我的"}})
    tenant_id, user = await new_merchant("Bakery", "owner@bakery")
    other = wizard.binding.user(tenant_id, user.user_id, PERMISSIONS)
    found = (await other("GET", MAP)).json()
    lines = {line["row"]: line for step in found["steps"] for line in step["rows"]}
    assert typed(lines["4.1"])["app_slogan"] == ""
    may_only_look = wizard.binding.user(wizard.tenant_id, user.user_id, ["apps.read"])
    answer = await may_only_look("PUT", f"{MAP}/rows/4.1/draft", {"form": {}})
    assert answer.status_code == 403


async def test_a_draft_longer_than_its_field_is_cut(wizard):
    await wizard.uploaded()
    await wizard.owner("PUT", f"{MAP}/rows/4.1/draft", {"form": {"app_slogan": "长" * 400}})
    assert typed((await wizard())["4.1"])["app_slogan"] == "长" * 32


# --- versions and rollouts


async def test_the_next_version_is_proposed(wizard):
    """F18: after a rejection 1.0.0 was proposed again. A new version begins review and release
    anew, and what failed for the old one is not held against it."""
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    assert typed((await wizard())["3.3"]) == {"app_version": "1.0.0"}
    await wizard("3.3", "run", form={"app_version": "1.0.0"})
    await wizard("3.3", "check")
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "AUDIT_REJECT"
    found = await wizard("4.1", "check")
    assert typed(found["3.3"]) == {"app_version": "1.0.1"}
    await wizard("3.3", "run", form={"app_version": "1.0.1"})
    found = await wizard("3.3", "check")
    assert (found["4.1"]["state"], found["4.1"]["reason"]) == ("todo", None)
    assert found["map"]["next_row"] == "4.1"
    await wizard.later(600)
    assert await wizard.states("4.1") == {"todo"}, "the look is at the new one"
    assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"


async def test_a_version_that_is_too_low_names_the_highest(wizard):
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    wizard.platform.status |= {"2.3.9": "OFFLINE", "2.3.10": "OFFLINE"}
    wizard.platform.answers[UPLOAD] = said("refused", sub_code="APP_VERSION_TOO_LOW")
    line = (await wizard("3.3", "run", form={"app_version": "1.0.0"}))["3.3"]
    assert (line["state"], line["remedy"]) == ("failed", "version_too_low")
    assert line["evidence"]["newest"] == "2.3.10"
    assert typed(line) == {"app_version": "2.3.11"}
    await wizard.later(3600)
    assert (await wizard())["3.3"]["remedy"] == "version_too_low", "a look would hide it"


async def test_a_rollout_is_shown_as_it_is(wizard):
    """F18: at 10 % it says 10 %, and the next wider one is proposed."""
    await wizard.uploaded()
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "WAIT_RELEASE"
    found = await wizard("4.1", "check")
    assert typed(found["4.2"]) == {"share": "all"}
    line = (await wizard("4.2", "run", form={"share": "p10"}))["4.2"]
    assert (line["state"], line["evidence"]["share"]) == ("todo", "p10")
    assert typed(line) == {"share": "p30"}
    wizard.platform.shares["1.0.0"] = "p50"
    await wizard.later(600)
    line = (await wizard())["4.2"]
    assert (line["evidence"]["share"], typed(line)) == ("p50", {"share": "all"})


# --- the pair that waits


async def test_a_pair_that_waits_is_found_again(wizard, alipay_keys):
    """F4: its public half is at Alipay; until it is bound, replaced or too old it is shown."""

    async def waiting():
        answer = await wizard.owner("GET", f"{APPS}/key-pairs")
        assert answer.status_code == 200, answer.text
        assert "private" not in answer.text
        return answer.json()["items"]

    assert await waiting() == []
    first = (await wizard.owner("POST", f"{APPS}/key-pairs")).json()
    assert await waiting() == [first]
    wizard.clock.advance(60)
    second = (await wizard.owner("POST", f"{APPS}/key-pairs")).json()
    assert await waiting() == [second]
    assert second["created_at"] > first["created_at"]
    await wizard.bind(
        app_private_key=..., key_pair_id=second["key_pair_id"],
        alipay_public_key=alipay_keys.public_b64,
    )  # fmt: skip
    assert await waiting() == []
    wizard.clock.advance(60)
    third = (await wizard.owner("POST", f"{APPS}/key-pairs")).json()
    assert await waiting() == [third]
    wizard.clock.advance(7 * 24 * 3600)
    assert await waiting() == []


async def test_a_pair_that_waits_is_its_merchants(wizard, new_merchant):
    await wizard.owner("POST", f"{APPS}/key-pairs")
    tenant_id, user = await new_merchant("Bakery", "owner@bakery")
    other = wizard.binding.user(tenant_id, user.user_id, PERMISSIONS)
    assert (await other("GET", f"{APPS}/key-pairs")).json() == {"items": []}
