"""Who may speak, for whom, and how often."""

from tests.mutants.patch import Patch

DEVICE = "gateway/auth/device.py"
SIGNATURES = "gateway/auth/signatures.py"
SIGNED = (
    "tests/unit/gateway/alipay/protocol/test_signed_request.py",
    "tests/unit/gateway/auth/test_auth.py",
)
RACES = "tests/integration/binding/people/test_races_people.py"
GRANTS = "services/binding/acting/grants.py"
GRANTS_TESTS = "tests/integration/binding/acting/test_acting_grants.py"
TOKENS = "shared/keys/tokens.py"
TOKEN_TESTS = ("tests/unit/shared/test_tokens.py",)
LEAVING = "tests/integration/device/devices/test_leaving.py"
TWO_WINDOWS = "tests/unit/gateway/auth/test_two_windows.py"
HELPED_IN = (
    "tests/integration/binding/oversight/test_merchants.py"
    "::test_for_a_day_no_money_key_or_power_is_touched"
)

PATCHES = (
    Patch(
        SIGNATURES,
        "a device's body is outside its signature",
        "digest = hashlib.sha256(body).hexdigest()",
        'digest = hashlib.sha256(b"").hexdigest()',
        SIGNED,
    ),
    Patch(
        SIGNATURES,
        "a device's request never grows old",
        "if abs(self._clock.now().timestamp() - int(claim.timestamp)) > CLOCK_WINDOW_S:",
        "if False:",
        SIGNED,
    ),
    Patch(
        DEVICE,
        "a device that was revoked speaks on",
        "isinstance(event, DeviceRevoked | DeviceEnrolled | DeviceMoved)",
        "isinstance(event, DeviceEnrolled | DeviceMoved)",
        SIGNED,
    ),
    Patch(
        DEVICE,
        "a device that was moved sells for its old store",
        "isinstance(event, DeviceRevoked | DeviceEnrolled | DeviceMoved)",
        "isinstance(event, DeviceRevoked | DeviceEnrolled)",
        ("tests/unit/gateway/reports/test_sightings.py",),
    ),
    Patch(
        "gateway/cache.py",
        "what was looked up before an event is remembered after it",
        "        if not lookup.is_outdated:",
        "        if True:",
        ("tests/integration/gateway/test_races.py::test_a_sale_beside_the_devices_end",),
    ),
    Patch(
        "gateway/cache.py",
        "who asks after an event is answered with what was looked up before it",
        "        if running is not None and not running.is_outdated:",
        "        if running is not None:",
        ("tests/unit/gateway/test_cache.py", "tests/unit/gateway/auth/test_auth.py"),
    ),
    Patch(
        "gateway/cache.py",
        "who wants to know anew is answered with what was looked up before",
        "            await asyncio.wait([running.result])",
        "            return await asyncio.shield(running.result)",
        ("tests/unit/gateway/test_cache.py",),
    ),
    Patch(
        "services/binding/tenancy/authorization.py",
        "whoever has just been disabled still makes keys and links",
        "    if user is None or not user.is_enabled or of_role",
        "    if user is None or False and of_role",
        (f"{RACES}::test_a_key_made_beside_being_disabled",),
    ),
    Patch(
        "services/binding/tenancy/authorization.py",
        "powers end while something is being made under them",
        "    await lock_people(tx, tenant_id)\n",
        "",
        (f"{RACES}::test_a_key_made_beside_being_disabled",),
    ),
    Patch(
        "gateway/routing.py",
        "a DELETE needs no CSRF token",
        'return self.audience == "user" and method not in SAFE_METHODS',
        'return self.audience == "user" and method not in {*SAFE_METHODS, "DELETE"}',
        ("tests/unit/gateway/auth/test_auth.py",),
    ),
    Patch(
        "gateway/server/asgi.py",
        "a body in parts has no limit",
        "                    if size > limit:",
        "                    if False:",
        ("tests/unit/gateway/server/test_asgi.py",),
    ),
    Patch(
        TOKENS,
        "any service may speak as anybody",
        'if not may_speak(issuer, claims.get("knd"), self.audience):',
        "if False:",
        ("tests/unit/shared/test_issued_tokens.py",),
    ),
    Patch(
        TOKENS,
        "a token's MAC is not compared",
        "if not hmac.compare_digest(proof, mac(secret, covered)):",
        "if False:",
        TOKEN_TESTS,
    ),
    Patch(
        TOKENS,
        "a token that names another audience is believed",
        'if claims.get("iss") != issuer or claims.get("aud") != self.audience:',
        'if claims.get("iss") != issuer:',
        TOKEN_TESTS,
    ),
    Patch(
        TOKENS,
        "a token that names another issuer than its key is believed",
        'if claims.get("iss") != issuer or claims.get("aud") != self.audience:',
        'if claims.get("aud") != self.audience:',
        TOKEN_TESTS,
    ),
    Patch(
        TOKENS,
        "a token never expires",
        "        if now > expires_at:",
        "        if False:",
        TOKEN_TESTS,
    ),
    Patch(
        TOKENS,
        "a token that was seen before never expires",
        "if known is not None and now <= known[1]:",
        "if known is not None:",
        TOKEN_TESTS,
    ),
    Patch(
        TOKENS,
        "a token is made for a key that its audience may not have yet",
        "self._pairs[audience] = pairs[-1]",
        "self._pairs[audience] = pairs[0]",
        ("tests/unit/shared/test_issued_tokens.py",),
    ),
    Patch(
        "shared/contracts/pairs.py",
        "one secret serves events and tokens",
        'info = names + b"".join',
        'info = names.partition(b"|")[2] + b"".join',
        TOKEN_TESTS,
    ),
    Patch(
        "shared/contracts/pairs.py",
        "tokens under an older key are refused while keys change",
        "self.own[:1] if is_ours else self.own",
        "self.own[:1]",
        ("tests/unit/shared/test_issued_tokens.py",),
    ),
    Patch(
        "services/binding/sign_in/throttle.py",
        "a thousand tries are free",
        "FREE_TRIES = 10\n",
        "FREE_TRIES = 1000\n",
        ("tests/integration/binding/sign_in/test_throttle.py",),
    ),
    Patch(
        "services/binding/tenancy/accounts.py",
        "anybody's login may end with a merchant's handle",
        "    if handle:\n        await _check_handle(tx, tenant_id, handle)\n",
        "",
        (
            "tests/integration/binding/tenancy/test_taken_logins.py"
            "::test_nobody_else_gets_a_login_that_ends_with_a_merchants_handle",
        ),
    ),
    Patch(
        "services/device/devices/repo.py",
        "an enrolment code outlives its maker's role",
        "        ~_MAKER_LEFT,\n",
        "",
        ("tests/integration/device/devices/test_leaving.py",),
    ),
    Patch(
        "services/device/devices/repo.py",
        "an enrolment code that was taken back still serves",
        "        EnrolmentCode.revoked_at.is_(None),\n",
        "",
        ("tests/integration/device/devices/test_codes.py",),
    ),
    Patch(
        "services/device/devices/leaving.py",
        "a test cashier outlives its maker's role",
        "        pg, left, now=deps.clock.now(), actor=PLATFORM_ACTOR\n",
        "        pg, {}, now=deps.clock.now(), actor=PLATFORM_ACTOR\n",
        (f"{LEAVING}::test_a_test_cashier_goes_with_its_person",),
    ),
    Patch(
        "services/device/devices/service.py",
        "a test cashier is enrolled while its maker leaves",
        "    if made.kind is Kind.TEST_CASHIER:\n",
        "    if False:\n",
        (f"{LEAVING}::test_a_test_cashier_enrolled_while_its_person_leaves",),
    ),
    Patch(
        "gateway/auth/merchant.py",
        "a page of one merchant changes another's",
        "        if not self._works_for(fresh, named):\n",
        "        if False:\n",
        (TWO_WINDOWS,),
    ),
    Patch(
        "gateway/auth/merchant.py",
        "a page goes on for a merchant whose acting is over",
        "return acting.tenant_id if acting is not None and now < acting.until else self.tenant_id",
        "return acting.tenant_id if acting is not None else self.tenant_id",
        (TWO_WINDOWS,),
    ),
    Patch(
        "services/binding/tenancy/permissions.py",
        "an owner whom an operator helped in touches money, keys and powers at once",
        "return granted & LIMITED if",
        "return granted if",
        (HELPED_IN,),
    ),
    Patch(
        "services/binding/tenancy/permissions.py",
        "an owner whom an operator helped in changes the payee",
        "LIMITED = _READ | {\n    OWN,\n",
        'LIMITED = _READ | {\n    OWN,\n    "apps.write",\n',
        (HELPED_IN,),
    ),
    Patch(
        "services/binding/sign_in/repo.py",
        "a recovery code serves twice",
        "            RecoveryCode.used_at.is_(None),\n",
        "",
        ("tests/integration/binding/sign_in/test_second_factor.py",),
    ),
    Patch(
        "services/binding/sign_in/passkeys.py",
        "a passkey's challenge is for any session",
        "        session_id=session_id,\n    )\n    return challenge",
        "        session_id=None,\n    )\n    return challenge",
        ("tests/integration/binding/sign_in/test_passkey_forgeries.py",),
    ),
    Patch(
        "services/binding/sign_in/repo.py",
        "a passkey's count may go back",
        "Passkey.sign_count < count if count",
        "Passkey.sign_count >= 0 if count",
        (
            "tests/integration/binding/sign_in/test_passkey_forgeries.py::test_a_count_that_goes_back",
        ),
    ),
    Patch(
        "services/binding/tenancy/approvers.py",
        "an account made a moment ago approves",
        "if since is not None and deps.clock.now() < since:",
        "if False:",
        (
            "tests/integration/binding/settings/test_approvals.py::test_a_new_account_cannot_approve_yet",
        ),
    ),
    Patch(
        GRANTS,
        "an operator made a moment ago is given more by whoever made it",
        "        approvers.require_settled(deps, requester)\n",
        "",
        (f"{GRANTS_TESTS}::test_a_new_asker_is_not_given_more_by_an_operator",),
    ),
    Patch(
        GRANTS,
        "what was decided is decided again",
        'if grant.state != "asked" or _is_overdue(grant, now):',
        "if False:",
        (f"{GRANTS_TESTS}::test_it_ends_with_the_operators_powers",),
    ),
    Patch(
        "services/binding/people/staff.py",
        "a grant outlives the operator's powers",
        "end_with_powers(deps, tx, grants,",
        "end_with_powers(deps, tx, (),",
        (f"{GRANTS_TESTS}::test_it_ends_with_the_operators_powers",),
    ),
    Patch(
        "gateway/auth/merchant.py",
        "a grant outlives its time at the edge",
        "for given, until in self.more if now < until",
        "for given, until in self.more",
        ("tests/unit/gateway/auth/test_people.py",),
    ),
    Patch(
        "services/binding/onboarding/live_check.py",
        "keys count though Alipay did not answer under them",
        'if verdict.state != "done":',
        'if verdict.state == "":',
        ("tests/integration/binding/onboarding/test_live_check.py",),
    ),
    Patch(
        "services/binding/keys/generated.py",
        "the doctor forgets keys that are bound already",
        "known += [key.app_public_key",
        "_ = [key.app_public_key",
        (
            "tests/integration/binding/onboarding/test_onboarding.py::test_the_doctor_knows_what_is_bound",
        ),
    ),
)
