"""The binding service behind its own HTTP door, with its real database, as the edge sees it."""

from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gateway.auth.internal import ServiceTokens
from gateway.auth.merchant import _session
from services.binding.app import create_app
from services.binding.config import BindingConfig
from services.binding.crypto.passwords import Passwords
from services.binding.people.first_run import FirstRun
from services.binding.tenancy import accounts, merchants, permissions, rules
from shared.contracts.documents import ResolvedOut
from shared.keys import rsa_keys
from tests.fixtures.authenticator import Authenticator
from tests.integration.open_platform import Platform
from tests.integration.served import Caller, callers, served

PASSWORD = "correct horse battery"
WHY = "工单 4712：开通新门店"
"""Why an operator acts, and asks for more."""
APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
CHEAP = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
"""The real one takes 19 MiB and 20 ms: tests/unit/binding/crypto/test_passwords proves its cost."""
WHOLE = set()
"""the private keys that the service's check found whole, in DER"""


@pytest.fixture(scope="module", autouse=True)
def proven_once():
    """A key of the tests that was found whole is not tried again: its primes cost 26 ms each time.
    What is wrong with a key is always found by the service's own check."""
    check = rsa_keys._check_consistent

    def proven(der, key):
        if der not in WHOLE:
            check(der, key)
            WHOLE.add(der)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa_keys, "_check_consistent", proven)
        yield


@pytest_asyncio.fixture(scope="module")
async def service_app(kept_db, standing_clock, kek_file, service_keys, tmp_path_factory):
    """The service, started once for the module: (app, config, HTTP client)."""
    database = await kept_db("binding")
    platform = Platform()
    await platform.start()
    config = BindingConfig(
        DATABASE_URL_BINDING=database.app_url,
        DATABASE_SYSTEM_URL_BINDING=database.system_url,
        kafka_bootstrap="127.0.0.1:1",
        service_key_file=service_keys.key_file("binding"),
        service_trust_file=service_keys.trust_file,
        KEK_FILE=kek_file,
        audit_anchor_file=tmp_path_factory.mktemp("binding") / "anchors.jsonl",
        egress_url=platform.url,
        public_url="https://pay.tea.example",
    )
    app = create_app(config, standing_clock, Passwords(CHEAP))
    app.state.platform = platform
    async with served(app, "binding") as client:
        yield app, config, client
    await platform.stop()


@pytest_asyncio.fixture
async def binding(service_app, service_db, clock, service_keys):
    """.deps (.worker_deps can sign anchors), .database, .platform (the egress and what is behind
    it), callers .edge, .egress, .payment, makers: .user(tenant_id, user_id, permissions,
    session_id), .caller(issuer)."""
    app, config, client = service_app
    database = service_db("binding")
    await database.truncate()
    config.audit_anchor_file.unlink(missing_ok=True)
    app.state.first_run = FirstRun(app.state.deps, config.setup_code_file)
    guided = app.state.onboarding
    app.state.platform.forget()

    caller = callers(client, "binding", service_keys, clock)

    def user(tenant_id, user_id, permissions, session_id=None, **facts):
        """Steps up by default: the tests of the step-up itself take it away."""
        facts = {"step_up_until": clock.now() + timedelta(days=365)} | facts
        return caller(
            kind="user",
            subject=str(user_id),
            tenant_id=UUID(str(tenant_id)),
            session_id=str(session_id) if session_id else None,
            permissions=permissions,
            **facts,
        )

    yield SimpleNamespace(
        app=app,
        deps=app.state.deps,
        worker_deps=replace(app.state.deps, anchor_key_file=config.service_key_file),
        config=config,
        client=client,
        database=database,
        platform=app.state.platform,
        edge=caller(),
        egress=caller("gateway-egress"),
        payment=caller("payment"),
        caller=caller,
        user=user,
    )
    app.state.onboarding = guided  # a test may have put another in its place


@pytest.fixture
def new_merchant(binding):
    async def create(name="Tea house", login="owner@tea"):
        """Its handle is what follows the @."""
        merchant, user = await merchants.create_merchant(
            binding.deps, name=name, login=login, password=PASSWORD, actor="test",
            handle=login.partition("@")[2] or None,
        )  # fmt: skip
        return merchant.tenant_id, user

    return create


@pytest.fixture
def sign_in(binding):
    """Signs in at a console as the edge would; returns the answer and a Caller for the session."""

    async def enter(login, password=PASSWORD, console="merchant"):
        answer = await binding.edge(
            "POST", f"/api/{console}/v1/session", {"login": login, "password": password}
        )
        if answer.status_code != 200:
            return answer, None
        body = {"session_hash": rules.sha256_hex(cookie_of(answer))}
        resolved = await binding.edge("POST", "/internal/sessions/resolve", body)
        found = resolved.json()
        caller = binding.user(
            found["tenant_id"], found["user_id"], found["permissions"], found["session_id"]
        )
        return answer, caller

    return enter


@dataclass
class Browser:
    """A signed-in browser behind an edge that remembers nothing: each request resolves the session
    anew, and goes inward under the token that the edge makes of it."""

    binding: SimpleNamespace
    inward: ServiceTokens
    cookie: str

    async def __call__(self, method, path, body=None, **params):
        body_hash = {"session_hash": rules.sha256_hex(self.cookie)}
        answer = await self.binding.edge("POST", "/internal/sessions/resolve", body_hash)
        if answer.status_code != 200:
            return answer
        found = ResolvedOut.model_validate(answer.json())
        session = _session(body_hash["session_hash"], found)
        token = self.inward.for_user("binding", session, path)
        answer = await Caller(self.binding.client, lambda: token)(method, path, body, **params)
        if "Max-Age=0" not in answer.headers.get("set-cookie", "Max-Age=0"):
            self.cookie = cookie_of(answer)
        return answer

    async def step_up(self, console="merchant", password=PASSWORD, **more):
        body = {"password": password} | more
        return await self("POST", f"/api/{console}/v1/session/step-up", body)


@pytest.fixture
def browser(binding, service_keys, clock):
    """browser(login, console="merchant") -> a Browser that has signed in."""

    async def enter(login, console="merchant", password=PASSWORD):
        answer = await binding.edge(
            "POST", f"/api/{console}/v1/session", {"login": login, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return Browser(
            binding, ServiceTokens(service_keys.signer("gateway-edge", clock)), cookie_of(answer)
        )

    return enter


@pytest.fixture
def choose(binding):
    """Chooses a password with a one-time link, as its person does."""

    async def use(link, password=PASSWORD):
        body = {"token": link["token"], "password": password}
        answer = await binding.edge("POST", "/api/public/v1/password", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return use


@pytest.fixture
def second_owner(browser, choose):
    """Another owner of the merchant, made by its owner: the browser of the new one, stepped up."""

    async def make(owner):
        made = (await owner("POST", "/api/merchant/v1/staff", {
            "username": "second", "name": "老吴", "role": "merchant_owner",
        })).json()  # fmt: skip
        await choose(made["link"])
        colleague = await browser("second@tea")
        await colleague.step_up()
        return colleague

    return make


@pytest.fixture
def new_operator(binding):
    async def create(login="ada@ops", role=rules.Role.OPERATOR_ADMIN):
        return await accounts.create_user(
            binding.deps, None, role=role, login=login, password=PASSWORD, actor="test"
        )

    return create


@pytest.fixture
def present(binding):
    """Signs in with a passkey's proof, or whatever else is given."""

    async def sign_in(passkey=None, login="owner@tea", console="merchant", **more):
        body = {"login": login, "password": PASSWORD} | more
        body |= {"passkey": passkey} if passkey else {}
        return await binding.edge("POST", f"/api/{console}/v1/session", body)

    return sign_in


@pytest.fixture
def asked(present):
    """What the sign-in wants signed, after the right password."""

    async def ask(login="owner@tea", console="merchant"):
        answer = await present(login=login, console=console)
        assert answer.json()["code"] == "auth.code_needed", answer.text
        return answer.json()["passkey"]

    return ask


@pytest.fixture
def register(binding):
    """Makes a key on an account's page: (the authenticator, the answer)."""

    async def make(person, authenticator=None, name="收银台的手机", console="merchant"):
        path = f"/api/{console}/v1/passkeys"
        options = (await person("POST", f"{path}/options")).json()["options"]
        key = authenticator or Authenticator()
        return key, await person("POST", path, key.make(options) | {"name": name})

    return make


@pytest_asyncio.fixture
async def keyholder(new_merchant, browser, register):
    """(the owner's browser, the authenticator, the recovery codes)."""
    await new_merchant()
    owner = await browser("owner@tea")
    await owner.step_up()
    key, made = await register(owner)
    assert made.status_code == 201, made.text
    return owner, key, made.json()["recovery_codes"]


def cookie_of(answer):
    return answer.headers["set-cookie"].partition(";")[0].partition("=")[2]


@pytest.fixture
def app_body(app_keys, alipay_keys):
    def make(**changes):
        body = {
            "app_id": APP_ID,
            "seller_id": SELLER_ID,
            "app_private_key": app_keys.private_b64,
            "alipay_public_key": alipay_keys.public_b64,
            "enabled": True,
            "version": 0,
        }
        return {name: value for name, value in (body | changes).items() if value is not ...}

    return make


@pytest_asyncio.fixture
async def owner(binding, new_merchant):
    """The owner of a merchant as the edge vouches for them: (tenant_id, Caller)."""
    tenant_id, user = await new_merchant()
    granted = permissions.PERMISSIONS[rules.Role.MERCHANT_OWNER]
    return tenant_id, binding.user(tenant_id, user.user_id, granted, uuid4())


@pytest_asyncio.fixture
async def world(new_merchant, new_operator, browser, clock):
    """.merchant_id; the browsers .owner, .bob (an operator of the lowest role, who acts), .ada (an
    operator who may give); .ask(**changes), .grant(by="owner"), .do(verdict, by, grant)."""
    merchant_id, _ = await new_merchant()
    bob = await new_operator("bob@ops", rules.Role.OPERATOR_OPS)
    ada = await new_operator("ada@ops")
    clock.advance(24 * 3600 + 1)  # their accounts are not new any longer
    found = SimpleNamespace(merchant_id=merchant_id, bob_id=bob.user_id, ada_id=ada.user_id)
    found.owner = await browser("owner@tea")
    found.bob = await browser("bob@ops", "operator")
    found.ada = await browser("ada@ops", "operator")
    await found.owner.step_up()
    for operator in (found.bob, found.ada):
        await operator.step_up("operator")

    async def act():
        body = {"merchant_id": str(merchant_id), "reason": WHY, "minutes": 60}
        answer = await found.bob("POST", "/api/operator/v1/acting", body)
        assert answer.status_code == 201, answer.text

    async def ask(by=None, **changes):
        body = {"merchant_id": str(merchant_id), "permission_set": "setup", "reason": WHY}
        body |= {"minutes": 30} | changes
        return await (by or found.bob)("POST", "/api/operator/v1/acting/grants", body)

    async def do(verdict, by, grant):
        who = getattr(found, by) if isinstance(by, str) else by
        if by == "owner":
            return await who(
                "POST", f"/api/merchant/v1/acting/grants/{grant['grant_id']}/{verdict}"
            )
        return await who(
            "POST", f"/api/operator/v1/acting/grants/{merchant_id}/{grant['grant_id']}/{verdict}"
        )

    async def given(by="owner", **changes):
        grant = (await ask(**changes)).json()
        answer = await do("give", by, grant)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def makes_store(name):
        """Whether bob can, right now, do what only the grant allows."""
        answer = await found.bob("POST", "/api/merchant/v1/stores", {"name": name})
        assert answer.status_code in {201, 403}, answer.text
        return answer.status_code == 201

    async def shown(grant):
        rows = (await found.owner("GET", "/api/merchant/v1/acting/grants")).json()["items"]
        return next(row for row in rows if row["grant_id"] == grant["grant_id"])

    found.act, found.ask, found.do, found.given = act, ask, do, given
    found.makes_store, found.shown = makes_store, shown
    return found
