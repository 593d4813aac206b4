"""What our own egress does not take was never at Alipay: it is refused by name, never waited for;
and the form's rules at the door are those of the egress's methods."""

from functools import partial

import pytest
import pytest_asyncio
from pydantic import ValidationError

from gateway.alipay.methods.table import METHODS
from services.binding.onboarding.rows import ROWS
from tests.integration.binding.wizard import MAP, REVIEW
from tests.integration.open_platform import said

APPLY = "alipay.open.mini.version.audit.apply"
PUSH = "alipay.commerce.iot.device.upgradeapp.create"
UPLOAD = "alipay.open.mini.version.upload"
METHOD_OF = {"3.3": UPLOAD, "4.1": APPLY, "5.1": PUSH}
"""row -> where what is typed into it goes"""


def unsent(*names):
    """As the egress answers a call whose parameters do not fit."""
    errors = [{"pointer": f"/params/{name}", "message": "odd", "code": "odd"} for name in names]
    return 422, {"code": "invalid_body", "title": "x", "errors": errors}


async def refused(wizard, row, form):
    """The fields that the door refuses, and what it says of them."""
    answer = await wizard.owner("POST", f"{MAP}/rows/{row}/run", {"form": form})
    assert answer.status_code == 422, answer.text
    return {
        one["pointer"].removeprefix("/form/"): one["message"] for one in answer.json()["errors"]
    }


@pytest.mark.asyncio
@pytest.mark.parametrize("phone", ["abc电话", "12345转6", "１２３４５", "1234", "1" * 21])
async def test_a_phone_is_digits_and_signs(wizard, phone):
    await wizard.uploaded()
    told = await refused(wizard, "4.1", REVIEW | {"service_phone": phone})
    assert told == {
        "service_phone": "数字、空格、+ 和 -，5–20 位 Digits, spaces, + and -, 5–20 of them."
    }
    assert wizard.platform.calls[APPLY] == 0
    assert (await wizard())["4.1"]["state"] == "todo"
    taken = await wizard("4.1", "run", form=REVIEW | {"service_phone": "+86 571-8888 6666"})
    assert taken["4.1"]["state"] == "running"


@pytest.mark.asyncio
async def test_a_version_and_a_serial_look_like_one(wizard):
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    for odd in ("first", "1.0.x", "1.0.0 beta", "１.０.０"):
        assert set(await refused(wizard, "3.3", {"app_version": odd})) == {"app_version"}
    assert wizard.platform.calls[UPLOAD] == 0
    await wizard("3.3", "run", form={"app_version": "1.0.0"})
    await wizard("3.3", "check")
    await wizard("4.1", "run", form=REVIEW)
    wizard.platform.status["1.0.0"] = "RELEASE"
    await wizard("4.1", "check")
    await wizard("4.2", "check")
    many = "\n".join(f"SN{number}" for number in range(101))
    for odd in ("SN0001\n设备2", many):
        assert set(await refused(wizard, "5.1", {"sn": odd})) == {"sn"}
    assert wizard.platform.calls[PUSH] == 0
    assert (await wizard("5.1", "run", form={"sn": "SN0001 SN0002"}))["5.1"]["state"] == "running"


@pytest.mark.asyncio
async def test_the_map_tells_the_rule_before_anything_is_typed(wizard):
    [phone] = [one for one in (await wizard())["4.1"]["form"] if one["field"] == "service_phone"]
    assert phone["hint_zh"] == "数字、空格、+ 和 -，5–20 位"
    assert phone["hint_en"] == "Digits, spaces, + and -, 5–20 of them"
    assert phone["pattern"]


@pytest.mark.asyncio
async def test_what_the_egress_refuses_names_the_field(wizard):
    """Not as silence: the row does not run, and a look does not take the reason away."""
    await wizard.uploaded()
    wizard.platform.answers[APPLY] = unsent("service_phone", "app_desc")
    found = (await wizard("4.1", "run", form=REVIEW))["4.1"]
    assert (found["state"], found["remedy"], found["reason"]) == ("failed", "not_sent", None)
    assert found["remedy_zh"] == "没有发给支付宝：请改正“小程序描述、客服电话”后再提交"
    assert "Description, Service phone" in found["remedy_en"]
    again = (await wizard("4.1", "check"))["4.1"]
    assert (again["state"], again["remedy_zh"]) == ("failed", found["remedy_zh"])
    del wizard.platform.answers[APPLY]
    assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("row", "method", "answer"),
    [
        ("0.1", "alipay.trade.precreate", unsent("total_fen")),
        ("1.2", "alipay.open.mini.baseinfo.query", (404, {"code": "not_found"})),
        ("2.1", "alipay.open.mini.baseinfo.query", (403, {"code": "auth.forbidden"})),
        ("2.3", "alipay.trade.query", unsent("out_trade_no")),
        ("3.3", "alipay.open.mini.version.list.query", (413, {"code": "body.too_large"})),
    ],
)
async def test_no_refusal_of_ours_is_alipays_silence(wizard, row, method, answer):
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    wizard.platform.answers[method] = answer
    found = (await wizard(row, "check"))[row]
    assert (found["state"], found["remedy"]) == ("failed", "not_sent")
    assert "运营方" in found["remedy_zh"]


@pytest.mark.asyncio
async def test_an_app_that_is_switched_off_is_told_as_that(wizard):
    await wizard.bind()
    wizard.platform.answers["alipay.trade.precreate"] = (409, {"code": "egress.app_disabled"})
    found = (await wizard("0.1", "check"))["0.1"]
    assert (found["state"], found["remedy"]) == ("failed", "app_switched_off")


@pytest.mark.asyncio
async def test_no_answer_about_templates_is_not_no_template(wizard):
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    wizard.platform.answers["alipay.open.mini.templatelist.query"] = said("unknown", reason="late")
    found = (await wizard("3.3", "run", form={"app_version": "1.0.0"}))["3.3"]
    assert found["remedy"] == "platform_silent"


@pytest.mark.asyncio
async def test_a_submit_of_which_alipay_has_nothing_is_told(wizard):
    """No answer came, and the version is not under review: the row does not just wait again."""
    await wizard.uploaded()
    wizard.platform.answers[APPLY] = said("unknown", reason="no_answer")
    assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"
    found = (await wizard("4.1", "check"))["4.1"]
    assert (found["state"], found["remedy"]) == ("failed", "not_taken")
    assert "再提交一次" in found["remedy_zh"]


OF_A_VERSION = {"4.1": REVIEW, "4.2": {"share": "all"}, "5.1": {"sn": "SN0001"}}
VERSIONS = "alipay.open.mini.version.list.query"


def as_the_egress(wizard):
    """From now on it refuses what its own methods refuse."""

    async def looked_at(method, body):
        wizard.platform.answers.pop(method, None)
        try:
            METHODS[method].params.model_validate(body["params"])
        except ValidationError as wrong:
            names = {str(one["loc"][0]) for one in wrong.errors()}
            wizard.platform.answers[method] = unsent(*sorted(names))

    for method in METHODS:
        wizard.platform.held[method] = partial(looked_at, method)


@pytest_asyncio.fixture
async def without_upload(wizard):
    """A device sells, so that nobody had to upload anything."""
    as_the_egress(wizard)
    await wizard.bind()
    await wizard.work()
    await wizard.enrol("QCF4000001")
    assert await wizard.states("3.3", "4.1", "4.2", "5.1") == {"skipped"}


@pytest.mark.asyncio
@pytest.mark.parametrize("row", OF_A_VERSION)
async def test_what_is_of_a_version_is_refused_by_name_without_one(wizard, without_upload, row):
    """It never runs for ever on a question that nobody can be asked."""
    calls = wizard.platform.calls.total()
    found = (await wizard(row, "run", form=OF_A_VERSION[row]))[row]
    assert (found["state"], found["remedy"]) == ("failed", "nothing_uploaded")
    assert wizard.platform.calls.total() - calls == wizard.platform.calls[VERSIONS] == 1
    await wizard.later(3600)
    assert (await wizard())[row]["state"] == "failed"
    assert not [
        body for _, body in wizard.platform.asked if body["params"].get("app_version") == ""
    ]


@pytest.mark.asyncio
async def test_a_version_that_somebody_else_uploaded_is_found(wizard, without_upload):
    wizard.platform.status = {"0.9.0": "OFFLINE", "0.10.0": "INIT"}
    assert (await wizard("4.1", "run", form=REVIEW))["4.1"]["state"] == "running"
    wizard.platform.status["0.10.0"] = "RELEASE"
    await wizard.later(3600)
    found = (await wizard())["4.1"]
    assert (found["state"], found["evidence"]["app_version"]) == ("done", "0.10.0")


@pytest.mark.asyncio
async def test_without_a_right_to_any_of_it_a_persons_word_counts(wizard):
    """The upload was a person's word, because the platform permits us nothing: then the review can
    be one, too."""
    forbidden = said("refused", sub_code="isv.insufficient-isv-permissions")
    for method in (UPLOAD, VERSIONS):
        wizard.platform.answers[method] = forbidden
    await wizard.bind()
    await wizard.work()
    await wizard("1.3", "done")
    await wizard("3.3", "run", form={"app_version": "1.0.0"})
    await wizard("3.3", "done", note="自己上传的")
    found = (await wizard("4.1", "run", form=REVIEW))["4.1"]
    assert (found["state"], found["remedy"]) == ("failed", "not_permitted")
    assert (await wizard("4.1", "done", note="自己提交的"))["4.1"]["state"] == "done"


def test_the_forms_rules_are_those_of_the_methods():
    """A form that takes what its method refuses can never be sent; the two meet only here."""
    for row in ROWS:
        for field in row.form if row.row in METHOD_OF else ():
            schema = METHODS[METHOD_OF[row.row]].params.model_json_schema()["properties"][
                field.name
            ]
            [rule] = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
            if field.kind == "serials":
                assert rule["maxItems"] == 100
                rule = rule["items"] | {"minLength": 1, "maxLength": field.max}
            assert rule.get("pattern", "") == field.pattern, (row.row, field.name)
            assert rule.get("minLength", 1) <= field.min, (row.row, field.name)
            assert field.max <= rule.get("maxLength", field.max), (row.row, field.name)
