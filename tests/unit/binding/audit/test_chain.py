"""The audit chain's arithmetic: what breaks it, and where it says so (S132, §8 #32)."""

import pytest

from services.binding.audit.anchors import Anchor
from services.binding.audit.chain import Walk, digest

MEMBERS = (
    "prev_hash", "tenant_id", "seq", "audit_id", "at_us", "actor", "actor_name", "action",
    "subject", "before", "after", "request_id", "address", "reason",
)  # fmt: skip
"""docs/runbook.md and the migrations' audit_digest: nothing that an entry says is outside."""


def chain(length=6):
    rows, last = [], ""
    for number in range(1, length + 1):
        row = dict.fromkeys(MEMBERS)
        row |= {"seq": number, "prev_hash": last, "tenant_id": "t", "actor": f"user:{number}"}
        row["hash"] = last = digest(row)
        rows.append(row)
    return rows


def walked(rows, *anchors, head=None):
    walk = Walk([Anchor(seq, hash_, "", 0, True) for seq, hash_ in anchors])
    walk.take(rows)
    walk.finish(head or ((rows[-1]["seq"], rows[-1]["hash"]) if rows else (0, "")))
    return walk.broken_at, walk.why


def test_a_whole_chain_holds():
    rows = chain()
    assert walked(rows, (3, rows[2]["hash"]), (6, rows[5]["hash"])) == (None, "")
    assert walked([]) == (None, "")


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in {"seq", "prev_hash"}])
def test_each_member_is_covered(name):
    rows = chain()
    rows[3][name] = "other"
    assert walked(rows) == (4, "content")


def test_absent_empty_and_shifted_members_differ():
    """NULL is not the empty text, and what leaves one member for the next is seen."""
    (row,) = chain(1)
    spelled = {digest(row | {"action": a, "subject": s}) for a, s in (
        (None, None), ("", None), (None, ""), ("ab", "c"), ("a", "bc"), ("-", "abc"), ("1:a", "bc"),
    )}  # fmt: skip
    assert len(spelled) == 7


def test_gaps_swaps_and_insertions():
    rows = chain()
    assert walked(rows[:2] + rows[3:]) == (3, "number")
    assert walked([rows[0], rows[2], rows[1], *rows[3:]]) == (2, "number")
    assert walked([*rows[:2], rows[1], *rows[2:]]) == (3, "number")
    assert walked(rows[1:]) == (1, "number")


def test_an_entry_that_follows_another_than_the_one_before_it():
    """Its own digest fits: only the link tells."""
    rows = chain()
    rows[-1]["prev_hash"] = "0" * 64
    rows[-1]["hash"] = digest(rows[-1])
    assert walked(rows) == (6, "link")


def test_a_cut_tail_shows_at_the_head_or_at_the_anchor():
    rows = chain()
    assert walked(rows[:4], head=(6, rows[5]["hash"])) == (5, "tail")
    assert walked(rows[:4]) == (None, ""), "a chain alone cannot know: hence the anchor"
    assert walked(rows[:4], (5, rows[4]["hash"])) == (5, "tail")
    assert walked([], (1, rows[0]["hash"])) == (1, "tail")


def test_a_chain_written_anew_does_not_fit_the_anchor():
    rows, other = chain(), chain()
    other[2]["actor"], last = "user:evil", other[1]["hash"]
    for row in other[2:]:
        row["prev_hash"] = last
        row["hash"] = last = digest(row)
    assert walked(other) == (None, "")
    assert walked(other, (6, rows[5]["hash"])) == (6, "anchor")
    assert walked(other, (3, rows[2]["hash"])) == (3, "anchor")
