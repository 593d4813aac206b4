"""The command lines: what a script may repeat, and one clear line for what is wrong."""

import json
import os
from uuid import uuid4

import pytest

from services.binding.commands import main as commands_main
from shared.errors import Problem
from tests.integration.binding.conftest import APP_ID, PASSWORD, SELLER_ID

pytestmark = pytest.mark.asyncio


@pytest.fixture
def files(tmp_path, app_keys, alipay_keys, other_keys):
    contents = {
        "password": PASSWORD + "\n",
        "other-password": "another long phrase",
        "weak": "short",
        "private": app_keys.private_pem.decode(),
        "rotated": other_keys.private_b64,
        "alipay": "\ufeff" + alipay_keys.public_b64 + "\r\n",
        "own": app_keys.public_b64,
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    return tmp_path


@pytest.fixture
def run(binding, files):
    """run("stores add", merchant=…) -> the answer; runs in this process on the test's clock."""

    async def call(command, **options):
        words = command.split()
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        if command == "apps add" and "wait" not in options:
            words += ["--wait", "0"]
        parsed = commands_main.parse(words)
        answer = await parsed.run(binding.deps, parsed)
        return json.loads(json.dumps(answer, default=str))

    return call


@pytest.fixture
def merchant(run, files):
    async def add(login="owner@tea", name="Tea house", password="password", **more):
        return await run(
            "merchants add", name=name, login=login, password_file=files / password, **more
        )

    return add


async def test_each_step_may_be_repeated(binding, run, merchant, files):
    """`make run` after a stop half-way: the same ids, nothing twice."""
    first = await merchant()
    assert first["created"] is True
    assert await merchant() == first | {"created": False}
    store = await run("stores add", merchant=first["merchant_id"], name="Main street")
    again = await run("stores add", merchant=first["merchant_id"], name="Main street")
    assert again == store | {"created": False}
    operator = {"login": "ada@ops", "password_file": files / "password"}
    made = await run("operators add", **operator)
    assert made["role"] == "operator_admin"
    assert await run("operators add", **operator) == made | {"created": False}
    app = {
        "merchant": first["merchant_id"],
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "app_private_key": files / "private",
        "alipay_public_key": files / "alipay",
    }
    bound = await run("apps add", **app)
    assert (bound["created"], bound["changed"], bound["key_version"]) == (True, True, 1)
    assert await run("apps add", **app) == bound | {"created": False, "changed": False}
    for table in ("merchants", "stores", "apps", "app_keys"):
        assert await binding.database.value(f"SELECT count(*) FROM {table}") == 1
    assert await binding.database.value("SELECT count(*) FROM outbox") == 2, (
        "an app that is not proven is not told of"
    )
    assert bound["live_check"] == "pending"


async def test_apps_add_also_rotates(run, merchant, files):
    made = await merchant()
    app = {"merchant": made["merchant_id"], "app_id": APP_ID, "alipay_public_key": files / "alipay"}
    await run("apps add", seller_id=SELLER_ID, app_private_key=files / "private", **app)
    found = await run("apps add", app_private_key=files / "rotated", **app)
    assert (found["changed"], found["key_version"], found["version"]) == (True, 2, 2)
    assert found["seller_id"] == SELLER_ID


async def test_given_ids_are_kept(run, merchant):
    merchant_id, store_id = str(uuid4()), str(uuid4())
    assert (await merchant(id=merchant_id))["merchant_id"] == merchant_id
    store = await run("stores add", merchant=merchant_id, name="Main street", id=store_id)
    assert store["store_id"] == store_id
    with pytest.raises(Problem):
        await merchant(login="second@tea", id=merchant_id)


async def test_a_handle_is_given_or_made(run, merchant):
    given = await merchant(handle="tea")
    assert given["handle"] == "tea"
    assert await merchant(handle="tea") == given | {"created": False}
    assert (await merchant())["handle"] == "tea", "left out, it is as it is"
    assert len((await merchant(login="owner@coffee", name="Coffee"))["handle"]) == 6


async def test_staff(run, merchant, files):
    made = await merchant()
    staff = {
        "merchant": made["merchant_id"],
        "login": "clerk@tea",
        "password_file": files / "password",
    }
    clerk = await run("staff add", **staff)
    assert (clerk["role"], clerk["tenant_id"]) == ("cashier", made["merchant_id"])
    assert await run("staff add", **staff) == clerk | {"created": False}
    for wrong in ({"role": "auditor"}, {"merchant": uuid4()}):
        with pytest.raises(commands_main.BadInput, match="exists"):
            await run("staff add", **(staff | wrong))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "Coffee house"}, "for another merchant"),
        ({"password": "other-password"}, "with another password"),
        ({"id": "01a20000-0000-7000-8000-000000000009"}, "for another merchant"),
        ({"handle": "coffee"}, "under the handle"),
    ],
)
async def test_other_content_under_a_known_login(merchant, change, complaint):
    await merchant()
    with pytest.raises(commands_main.BadInput, match=complaint):
        await merchant(**change)


async def test_the_seller_may_be_left_out(run, merchant, files):
    """interfaces §7 asks for the app and its keys only."""
    made = await merchant()
    keys = {"app_private_key": files / "private", "alipay_public_key": files / "alipay"}
    bound = await run("apps add", merchant=made["merchant_id"], app_id=APP_ID, **keys)
    assert bound["seller_id"] == ""


@pytest.mark.parametrize(
    ("command", "change", "complaint"),
    [
        ("stores add --name x", {"merchant": uuid4()}, "no such merchant"),
        ("apps add", {"merchant": uuid4()}, "no such merchant"),
        ("apps add", {"app_id": "123"}, "--app-id"),
        ("apps add", {"seller_id": "123"}, "--seller-id"),
        ("apps add", {"seller_id": "3088000000000001"}, "--seller-id"),
        ("apps add", {"app_private_key": "missing"}, "no such file"),
        ("apps add", {"app_private_key": "binary"}, "not a text file"),
    ],
)
async def test_bad_input(run, merchant, files, command, change, complaint):
    made = await merchant()
    options = {"merchant": made["merchant_id"]}
    if command == "apps add":
        options |= {
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "app_private_key": "private",
            "alipay_public_key": "alipay",
        }
    options |= change
    for name in ("app_private_key", "alipay_public_key"):
        if name in options:
            options[name] = files / options[name]
    with pytest.raises(commands_main.BadInput, match=complaint):
        await run(command, **{name: value for name, value in options.items() if value is not None})


@pytest.fixture
def as_process(binding, kek_file, command_line):
    def call(*words):
        return command_line(
            "services.binding", *words,
            env={
                "PATH": os.environ["PATH"],
                "DATABASE_URL_BINDING": binding.database.app_url,
        "DATABASE_SYSTEM_URL_BINDING": binding.database.system_url,
                "KEK_FILE": str(kek_file),
            },
        )  # fmt: skip

    return call


async def test_json_on_stdout_complaints_on_stderr(binding, files, as_process):
    account = ("--login", "owner@tea", "--password-file", files / "password")
    done = as_process("merchants", "add", "--name", "豆娘茶舍", *account)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["name"] == "豆娘茶舍"
    app = ("apps", "add", "--merchant", made["merchant_id"], "--app-id", APP_ID)
    keys = ("--seller-id", SELLER_ID, "--app-private-key", files / "private")
    mixed = as_process(*app, *keys, "--alipay-public-key", files / "own")
    weak = as_process("operators", "add", "--login", "x@ops", "--password-file", files / "weak")
    for refused, reason in ((mixed, "binding.own_public_key"), (weak, "binding.weak_password")):
        assert refused.returncode == 2
        assert refused.stdout == ""
        assert len(refused.stderr.splitlines()) == 1
        assert reason in refused.stderr
