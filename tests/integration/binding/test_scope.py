"""A person of one store changes that store at most, and bad input changes nothing (S131)."""

from uuid import UUID, uuid4

import pytest

from services.binding.tenancy.permissions import PERMISSIONS
from services.binding.tenancy.rules import Role

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"
BAD_TEXT = ["a\0b", "\ud800", "a\u2028b", "x" * 500]


async def _rows(binding):
    (row,) = await binding.database.fetch(
        "SELECT (SELECT count(*) FROM stores), (SELECT count(*) FROM users),"
        " (SELECT count(*) FROM api_keys), (SELECT count(*) FROM outbox),"
        " (SELECT count(*) FROM audit_log)"
    )
    return tuple(row)


async def test_a_person_of_one_store(binding, owner):
    tenant_id, caller = owner
    mine, other = [
        (await caller("POST", f"{M}/stores", {"name": name})).json()["store_id"]
        for name in ("Mine", "Other")
    ]
    key = await caller("POST", f"{M}/api-keys", {"name": "till", "store_id": other})
    bound = binding.user(
        tenant_id, uuid4(), PERMISSIONS[Role.MERCHANT_OWNER], store_ids=[UUID(mine)]
    )
    person = {"username": "new", "name": "N", "password": "a long enough one", "role": "cashier"}
    before = await _rows(binding)
    for method, path, body, status in (
        ("GET", f"/stores/{other}", None, 404),
        ("PATCH", f"/stores/{other}", {"name": "x", "version": 1}, 404),
        ("POST", "/stores", {"name": "Third"}, 403),
        ("GET", "/api-keys", None, 403),
        ("POST", "/api-keys", {"name": "all"}, 403),
        ("DELETE", f"/api-keys/{key.json()['key_id']}", None, 403),
        ("GET", "/staff", None, 403),
        ("POST", "/staff", person | {"store_ids": [other]}, 403),
        ("PATCH", f"/staff/{uuid4()}", {"name": "x", "version": 1}, 403),
        ("POST", f"/staff/{uuid4()}/password-link", {}, 403),
    ):
        answer = await bound(method, f"{M}{path}", body)
        assert answer.status_code == status, (path, answer.text)
    assert await _rows(binding) == before
    listed = (await bound("GET", f"{M}/stores")).json()["items"]
    assert [row["name"] for row in listed] == ["Mine"]
    renamed = await bound("PATCH", f"{M}/stores/{mine}", {"name": "Ours", "version": 1})
    assert renamed.status_code == 200


@pytest.mark.parametrize("bad", BAD_TEXT)
async def test_bad_text_changes_nothing(binding, owner, bad):
    _, caller = owner
    before = await _rows(binding)
    person = {"username": "new", "name": "N", "password": "a long enough one", "role": "cashier"}
    for path, body in (
        ("/stores", {"name": bad}),
        ("/api-keys", {"name": bad}),
        *(("/staff", person | {member: bad}) for member in person),
    ):
        answer = await caller("POST", f"{M}{path}", body)
        assert answer.status_code == 422, (path, body, answer.text)
    changed = await caller("PATCH", f"{M}/merchant", {"support_contact": bad, "version": 1})
    assert changed.status_code == 422
    for sent in ({"login": bad, "password": "x"}, {"login": "owner@tea", "password": bad}):
        if sent["password"] != "a\u2028b":  # only hard to see: a password like any other
            answer = await binding.edge("POST", f"{M}/session", sent)
            assert answer.status_code == 422, answer.text
    assert await _rows(binding) == before


@pytest.mark.parametrize(
    "asked",
    [
        {"from": "0001-01-01T00:00:00+14:00"},
        {"to": "9999-12-31T23:59:59-14:00"},
        {"actor": "a\0"},
        {"page": "99999999999999999999"},
    ],
)
async def test_odd_filters_of_the_audit_log_are_named(owner, asked):
    _, caller = owner
    answer = await caller("GET", f"{M}/audit", **asked)
    assert answer.status_code == 422
    assert next(iter(asked)) in str(answer.json()["errors"])
