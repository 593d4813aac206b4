"""The life of mini programs: acted once, heard in order, asked of the egress and no further."""

from tests.mutants.patch import Patch

SERVICE = "services/device/releases/service.py"
REQUESTS = "tests/integration/device/releases/test_requests.py"
WATCHING = "tests/integration/device/releases/test_watching.py"
ONBOARDING_REPO = "services/binding/onboarding/repo.py"
CONSUMED_TESTS = "tests/integration/binding/onboarding/test_consumed.py"

PATCHES = (
    Patch(
        SERVICE,
        "an act is made again after its worker died",
        "    is_first = task.started_at is None\n",
        "    is_first = True\n",
        (f"{REQUESTS}::test_a_kill_between_any_two_steps",),
    ),
    Patch(
        "services/device/releases/repo.py",
        "a worker whose lease is over writes all the same",
        "            ReleaseTask.lease == task.lease,\n"
        "            ReleaseTask.done_at.is_(None),\n",
        "",
        (f"{REQUESTS}::test_a_worker_that_comes_back_late_changes_nothing",),
    ),
    Patch(
        "services/device/releases/rules.py",
        "a failure loses its reason at the next look",
        'before.state == "failed" and verdict.state in (None, "todo")',
        "False",
        (f"{WATCHING}::test_a_failure_keeps_its_reason_until_it_is_over",),
    ),
    Patch(
        ONBOARDING_REPO,
        "an answer to an older request overwrites the row",
        " AND request_id = $4\n",
        " AND $4::uuid IS NOT NULL\n",
        (f"{CONSUMED_TESTS}::test_an_answer_to_an_older_request_says_nothing",),
    ),
    Patch(
        ONBOARDING_REPO,
        "what was said earlier overwrites what is newer",
        "coalesce(answer, 0) < $5",
        "coalesce($5::integer, 0) > 0",
        (f"{CONSUMED_TESTS}::test_what_was_said_earlier_overwrites_nothing",),
    ),
    Patch(
        "gateway/egress.py",
        "device asks Alipay for whatever it likes",
        "        if method.name not in ASKS.get(caller.issuer, METHODS):\n",
        "        if False:\n",
        (
            "tests/unit/gateway/test_egress.py"
            "::test_device_asks_about_a_mini_programs_life_and_nothing_else",
        ),
    ),
)
