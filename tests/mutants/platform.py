"""Events, batches, seals and the audit chain."""

from tests.mutants.patch import Patch

CHAIN = "services/binding/audit/chain.py"
ANCHORS = "services/binding/audit/anchors.py"
OUTBOX = "shared/outbox.py"
ANCHORED = ("tests/integration/binding/audit/test_anchors.py",)
OUTBOX_TESTS = "tests/integration/shared/test_outbox.py"
LARGE_TESTS = "tests/integration/shared/test_large_tables.py"
REST_TESTS = "tests/integration/shared/test_rest.py"
BATCHES_FILE = "shared/batches.py"
BATCHES = "tests/unit/shared/test_batches.py"
AUDIT = ("tests/unit/binding/audit/test_chain.py",)

PATCHES = (
    Patch(
        OUTBOX,
        "a relay rests without a last look",
        "        if not await connection.fetchval(_IS_WAITING, self._too_large):",
        "        if True:",
        (REST_TESTS,),
    ),
    Patch(
        "shared/tables/wake.sql",
        "a relay may rest while somebody is adding",
        "IF NOT pg_try_advisory_xact_lock_shared(hashtext('outbox rests'))",
        "IF NOT EXISTS (SELECT FROM pg_locks WHERE false)",
        (REST_TESTS,),
    ),
    Patch(
        CHAIN,
        "an entry's link to the one before is not compared",
        'if row["prev_hash"] != self.head:',
        "if False:",
        AUDIT,
    ),
    Patch(
        CHAIN,
        "a missing number goes unseen",
        'if row["seq"] != number:',
        'if row["seq"] < number:',
        AUDIT,
    ),
    Patch(
        CHAIN,
        "a changed entry goes unseen",
        'if digest(row) != row["hash"]:',
        "if False:",
        AUDIT,
    ),
    Patch(
        CHAIN,
        "a cut tail goes unseen",
        "if self._wanted or head != (self.entries, self.head):",
        "if head != (self.entries, self.head):",
        AUDIT,
    ),
    Patch(
        CHAIN,
        "the reason of an act is outside the hash",
        '    "reason",\n)',
        ")",
        AUDIT,
    ),
    Patch(
        ANCHORS,
        "a line missing between two anchors goes unseen",
        "if anchor.after > reached:",
        "if False:",
        ANCHORED,
    ),
    Patch(
        ANCHORS,
        "anchors that are gone go unseen",
        'return "gap" if noted > reached else ""',
        'return ""',
        ANCHORED,
    ),
    Patch(
        ANCHORS,
        "a short write counts as anchored",
        "left = left[os.write(handle, left) :]",
        "os.write(handle, left)\n            break",
        ANCHORED,
    ),
    Patch(
        OUTBOX,
        "a relay that hangs leads for ever",
        "await connection.execute(f\"SET idle_session_timeout = '{LEASE_S}s'\")",
        "pass",
        (f"{OUTBOX_TESTS}::test_a_relay_that_hangs_loses_its_lease",),
    ),
    Patch(
        OUTBOX,
        "every relay leads",
        "while not await connection.fetchval(sql, self._topic):",
        "while False:",
        (f"{OUTBOX_TESTS}::test_two_relays_take_turns_and_the_second_takes_over",),
    ),
    Patch(
        OUTBOX,
        "a repeated offset is no wiped broker",
        "if any(0 <= offset <= self._last.get(partition, -1) for partition, offset in places):",
        "if False:",
        (f"{OUTBOX_TESTS}::test_an_offset_given_twice_is_a_wipe",),
    ),
    Patch(
        "shared/keys/sealed.py",
        "a sealed box of another format is opened",
        'if parts["v"] != BOX_VERSION:',
        "if False:",
        ("tests/unit/shared/test_sealed.py",),
    ),
    Patch(
        BATCHES_FILE,
        "a call does not wait for more items",
        "            await asyncio.sleep(self.gather_s)\n",
        "            pass\n",
        (f"{BATCHES}::test_a_call_that_gathers_takes_what_comes_meanwhile",),
    ),
    Patch(
        BATCHES_FILE,
        "as many calls at a time as there are items",
        "if self._waiting and len(self._calls) < CALLS_MAX:",
        "if self._waiting:",
        (f"{BATCHES}::test_so_many_calls_at_a_time_and_the_next_when_one_ends",),
    ),
    Patch(
        "shared/tables/replay.sql",
        "a step of a replay reads the whole outbox",
        " SET enable_hashjoin = off SET enable_mergejoin = off",
        "",
        (f"{LARGE_TESTS}::test_no_step_of_a_replay_reads_the_whole_table",),
    ),
    Patch(
        OUTBOX,
        "a purge removes an event that was never published",
        " AND published_at < now() - interval '1 day'",
        "",
        (f"{OUTBOX_TESTS}::test_an_old_event_stays_until_a_day_after_it_was_published",),
    ),
)
