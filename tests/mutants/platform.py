"""Events, seals and the audit chain."""

from tests.mutants.patch import Patch

CHAIN = "services/binding/chain.py"
AUDIT = ("tests/unit/binding/test_chain.py",)

PATCHES = (
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
)
