"""What is requested happens once, whatever dies on the way, and is answered for its request."""

import asyncio

import pytest

from services.device.releases import checks, service
from tests.integration.device.conftest import OTHER_MERCHANT
from tests.integration.device.releases.conftest import APP_ID, Killed
from tests.integration.open_platform import said

pytestmark = pytest.mark.asyncio
APPLY = "alipay.open.mini.version.audit.apply"
DETAIL = "alipay.open.mini.version.detail.query"
PUSH = "alipay.commerce.iot.device.upgradeapp.create"
UPLOAD = "alipay.open.mini.version.upload"
VERSIONS = "alipay.open.mini.version.list.query"
FORM = {"version_desc": "首个版本"}


@pytest.fixture
def uploaded(releases):
    releases.platform.status["1.0.0"] = "INIT"


async def test_a_life_from_upload_to_push(releases):
    """Each step is answered with what came of it, for its request."""
    asked = await releases.request("upload", "act", app_version="", form={"app_version": "1.0.0"})
    await releases.work()
    (told,) = await releases.told()
    assert (told.request_id, told.step, told.state) == (asked, "upload", "running")
    assert told.evidence == {"app_version": "1.0.0", "by": "template"}
    assert (await releases.done("upload", "look")).state == "done"
    told = await releases.done("review", "act", form=FORM)
    assert (told.state, told.evidence["status"], told.actor) == ("running", "AUDITING", "user:1")
    releases.platform.status["1.0.0"] = "WAIT_RELEASE"
    assert (await releases.done("review", "look")).state == "done"
    told = await releases.done("release", "act", form={"share": "p10"})
    assert (told.state, told.evidence["share"]) == ("todo", "p10")
    assert (await releases.done("release", "act", form={"share": "all"})).state == "done"
    told = await releases.done("push", "act", form={"sn": ["DF1", "DF2"]})
    assert (told.state, told.evidence["sn"]) == ("running", ["DF1", "DF2"])
    pushed = releases.platform.asked[-1][1]["params"]
    assert (pushed["target_app_id"], pushed["target_app_version"]) == (APP_ID, "1.0.0")


async def test_an_event_that_comes_twice_acts_once(releases, uploaded):
    """The inbox knows it; and where it does not, the task does."""
    event = releases.event("review", "act", form=FORM)
    for _ in range(2):
        await releases.take(event)
        await releases.take(event, event)
        await releases.work()
    assert releases.platform.calls[APPLY] == 1
    assert len(await releases.told()) == 1


@pytest.mark.races
async def test_of_many_workers_one_acts(releases, uploaded):
    for turn in range(5):
        releases.platform.status["1.0.0"] = "INIT"
        await releases.request("review", "act", form=FORM)
        await asyncio.gather(*(releases.work() for _ in range(4)))
        assert releases.platform.calls[APPLY] == turn + 1


# --- a worker dies


async def dies(*_args, **_more):
    raise Killed


async def dies_after(real, *args):
    await real(*args)
    raise Killed


def ends_the_worker(patched, where, step="review"):
    real = checks.ACTS[step]
    if where == "before it is begun":
        patched.setattr(service, "_begin", dies)
    elif where == "before the call":
        patched.setitem(checks.ACTS, step, dies)
    elif where == "after the call":
        patched.setitem(checks.ACTS, step, lambda *args: dies_after(real, *args))
    else:
        patched.setattr(service.outbox, "add", dies)


@pytest.mark.parametrize(
    ("where", "submits", "state", "remedy"),
    [
        ("before it is begun", 1, "running", None),
        ("before the call", 0, "failed", "not_taken"),
        ("after the call", 1, "running", None),
        ("before its end is committed", 1, "running", None),
    ],
)
async def test_a_kill_between_any_two_steps(
    releases, uploaded, monkeypatch, where, submits, state, remedy
):
    """Never two submits: what was begun is asked about, and what never arrived is told as that."""
    asked = await releases.request("review", "act", form=FORM)
    with monkeypatch.context() as patched:
        ends_the_worker(patched, where)
        with pytest.raises(Killed):
            await releases.work()
    assert await releases.work() == 0, "it is leased"
    assert not await releases.told()
    assert await releases.after_a_kill() == 1
    (told,) = await releases.told()
    assert (told.request_id, told.state, told.remedy) == (asked, state, remedy)
    assert releases.platform.calls[APPLY] == submits
    assert await releases.after_a_kill() == 0


@pytest.mark.parametrize(
    ("where", "pushes", "state", "remedy"),
    [
        ("before it is begun", 1, "running", None),
        ("before the call", 0, "failed", "push_unknown"),
        ("after the call", 1, "failed", "push_unknown"),
        ("before its end is committed", 1, "failed", "push_unknown"),
    ],
)
async def test_a_kill_in_a_push_leaves_it_to_a_person(
    releases, monkeypatch, where, pushes, state, remedy
):
    """No method shows whether Alipay has it, and a second one may be a second task: it is neither
    repeated, nor does it run for ever."""
    releases.platform.status["1.0.0"] = "RELEASE"
    asked = await releases.request("push", "act", form={"sn": ["DF1"]})
    with monkeypatch.context() as patched:
        ends_the_worker(patched, where, "push")
        with pytest.raises(Killed):
            await releases.work()
    assert await releases.after_a_kill() == 1
    (told,) = await releases.told()
    assert (told.request_id, told.state, told.remedy) == (asked, state, remedy)
    assert told.evidence == {"app_version": "1.0.0", "sn": ["DF1"]}
    assert releases.platform.calls[PUSH] == pushes
    assert (await releases.done("push", "act", form={"sn": ["DF1"]})).state == "running"


async def test_a_kill_in_the_first_upload_is_told(releases, monkeypatch):
    """Alipay has no version at all, so nothing is waited for."""
    await releases.request("upload", "act", app_version="", form={"app_version": "1.0.0"})
    with monkeypatch.context() as patched:
        ends_the_worker(patched, "before the call", "upload")
        with pytest.raises(Killed):
            await releases.work()
    assert await releases.after_a_kill() == 1
    (told,) = await releases.told()
    assert (told.state, told.remedy) == ("failed", "not_taken")
    assert releases.platform.calls[UPLOAD] == 0


@pytest.mark.parametrize("how", ["killed", "no answer"])
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_further_upload_is_not_taken_for_the_one_before(
    releases, monkeypatch, how, arrives
):
    """The version before is built, but it is not what was uploaded."""
    await releases.done("upload", "act", app_version="", form={"app_version": "1.0.0"})
    assert (await releases.done("upload", "look")).evidence["app_version"] == "1.0.0"
    releases.platform.answers[UPLOAD] = said("unknown", reason="no_answer")
    await releases.request("upload", "act", form={"app_version": "1.0.1"})
    with monkeypatch.context() as patched:
        if how == "killed":
            ends_the_worker(patched, "before the call", "upload")
            with pytest.raises(Killed):
                await releases.work()
        else:
            await releases.work()
            assert (await releases.told())[-1].state == "running"
    if arrives:
        releases.platform.status["1.0.1"] = "INIT"
    await releases.after_a_kill()
    await releases.look()
    told = (await releases.told())[-1]
    if arrives:
        assert (told.state, told.evidence["app_version"]) == ("done", "1.0.1")
    else:
        assert (told.state, told.remedy) == ("failed", "not_taken")
        releases.platform.status["1.0.1"] = "INIT"
        releases.clock.advance(3600)
        await releases.look()
        told = (await releases.told())[-1]
        assert (told.state, told.evidence["app_version"]) == ("done", "1.0.1"), "it came late"


async def test_a_worker_that_comes_back_late_changes_nothing(releases, uploaded):
    """Its lease was over, and another one has finished the request."""
    waits, goes_on = asyncio.Event(), asyncio.Event()

    async def hold(_body):
        waits.set()
        await goes_on.wait()

    releases.platform.held[APPLY] = hold
    await releases.request("review", "act", form=FORM)
    async with asyncio.TaskGroup() as group:
        group.create_task(releases.work())
        await waits.wait()
        releases.platform.status["1.0.0"] = "WAIT_RELEASE"
        await releases.after_a_kill()
        releases.platform.answers[APPLY] = said("refused", sub_code="LATE")
        goes_on.set()
    assert [told.state for told in await releases.told()] == ["done"]


async def test_no_answer_leaves_it_running(releases, uploaded):
    releases.platform.answers[APPLY] = said("unknown", reason="no_answer")
    told = await releases.done("review", "act", form=FORM)
    assert (told.state, told.remedy) == ("running", "platform_silent")


@pytest.mark.parametrize(
    ("method", "version", "answer", "remedy"),
    [
        (PUSH, "1.0.0", said("unknown", reason="no_answer"), "push_unknown"),
        (PUSH, "1.0.0", said("unknown", sent=False, reason="no_answer"), "not_taken"),
        (PUSH, "1.0.0", said("unknown", reason="signature"), "push_unknown"),
        (VERSIONS, "", said("unknown", reason="no_answer"), "not_taken"),
    ],
)
async def test_a_push_without_an_answer_does_not_run(releases, method, version, answer, remedy):
    """Nobody can look at it later, so a person decides."""
    releases.platform.answers[method] = answer
    told = await releases.done("push", "act", app_version=version, form={"sn": ["DF1"]})
    assert (told.state, told.remedy) == ("failed", remedy)
    assert told.evidence["reason"] == answer["data"]["reason"]


# --- one after the other


async def test_a_look_waits_for_the_act_before_it(releases, uploaded):
    releases.platform.held[APPLY] = lambda _body: waiting()
    goes_on = asyncio.Event()

    async def waiting():
        await goes_on.wait()

    await releases.request("review", "act", form=FORM)
    await releases.request("review", "look")
    async with asyncio.TaskGroup() as group:
        group.create_task(releases.work())
        while not releases.platform.calls[APPLY]:
            await asyncio.sleep(0.01)
        assert await releases.work() == 0
        goes_on.set()
    assert [told.state for told in await releases.told()] == ["running", "running"]


async def test_an_act_waits_for_no_look(releases, uploaded):
    """What the slow look hears then is about a step that is something else by now."""
    goes_on, waits = asyncio.Event(), asyncio.Event()

    async def hold(_body):
        if not waits.is_set():
            waits.set()
            await goes_on.wait()

    releases.platform.held[DETAIL] = hold
    await releases.request("review", "look")
    async with asyncio.TaskGroup() as group:
        group.create_task(releases.work())
        await waits.wait()
        acted = await releases.request("review", "act", form=FORM)
        await releases.work()
        goes_on.set()
    (told,) = await releases.told()
    assert (told.request_id, told.state) == (acted, "running")


async def test_what_a_person_has_settled_is_forgotten(releases, uploaded):
    await releases.done("review", "look")
    await releases.request("review", "forget")
    await releases.work()
    assert await releases.database.value("SELECT count(*) FROM app_releases") == 0
    releases.clock.advance(3600)
    assert await releases.look() == 0


async def test_one_odd_request_stops_no_other(releases, uploaded):
    await releases.request("release", "act", form={})  # it says no share
    await releases.request("review", "act", form=FORM)
    assert await releases.work() == 2
    assert [told.step for told in await releases.told()] == ["review"]


async def test_two_merchants_and_two_apps_are_apart(releases, uploaded):
    for more in ({"tenant_id": OTHER_MERCHANT}, {"app_id": "2021000000000002"}, {}):
        await releases.request("review", "act", form=FORM, **more)
        await releases.work()
    rows = await releases.database.fetch("SELECT tenant_id, app_id FROM app_releases")
    assert len(rows) == 3
    assert len({told.request_id for told in await releases.told()}) == 3


async def test_what_binding_knew_goes_on_here(releases):
    """A step of which nothing is known here yet: handed over at the update, and from then on looked
    at by itself."""
    releases.platform.is_built = False
    releases.platform.status["1.0.0"] = "INIT"
    known = {"app_version": "1.0.0", "by": "template"}
    told = await releases.done("upload", "look", state="running", evidence=known)
    assert (told.state, told.evidence["by"]) == ("running", "template")
    releases.platform.is_built = True
    releases.clock.advance(10)
    assert await releases.look() == 1
    told = (await releases.told())[-1]
    assert (told.state, told.actor, told.number) == ("done", "platform", 2)
    assert await releases.database.value("SELECT count(*) FROM release_tasks") == 1
