"""The anchor file: signed lines, gaps said, whole writes, torn lines repaired (S132, G8)."""

import asyncio
import json
import os
from dataclasses import replace
from itertools import product

import orjson
import pytest
from prometheus_client import REGISTRY

from services.binding.audit import log as audit_log
from services.binding.sweeper import anchoring

pytestmark = pytest.mark.asyncio
M = "/api/merchant/v1"


@pytest.fixture
def more(owner):
    """more(n): so many further entries of the owner's chain."""
    _, caller = owner

    async def make(count):
        for _ in range(count):
            name = os.urandom(6).hex()
            assert (await caller("POST", f"{M}/stores", {"name": name})).status_code == 201

    return make


@pytest.fixture
def proof(owner):
    _, caller = owner

    async def ask():
        found = (await caller("POST", f"{M}/audit/verify")).json()
        return found["is_intact"], found["why"], found["anchored_seq"]

    return ask


async def anchored(binding, more, times=3):
    for _ in range(times):
        await more(1)
        assert await audit_log.anchor_heads(binding.worker_deps) >= 1
    return binding.config.audit_anchor_file


async def test_what_is_anchored_is_said(binding, more, proof):
    assert await proof() == (True, "", 0)
    await anchored(binding, more)
    await more(2)
    assert await proof() == (True, "", 5)


async def test_anchors_that_are_gone_are_said(binding, more, proof):
    file = await anchored(binding, more)
    file.unlink()
    assert await proof() == (False, "gap", 0)


@pytest.mark.parametrize(("kept", "verdict"), [
    (lambda lines: lines[:-1], (False, "gap", 4)),
    (lambda lines: lines[1:], (False, "gap", 5)),
    (lambda lines: lines[:1] + lines[2:], (False, "gap", 5)),
    (lambda lines: lines + lines, (True, "", 5)),
])  # fmt: skip
async def test_a_missing_line_is_a_gap(binding, more, proof, kept, verdict):
    file = await anchored(binding, more)
    file.write_bytes(b"".join(kept(file.read_bytes().splitlines(keepends=True))))
    assert await proof() == verdict


@pytest.mark.parametrize("name", ["at", "seq", "hash", "after", "sig"])
async def test_an_edited_line_is_seen(binding, more, proof, name):
    file = await anchored(binding, more)
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    other = {"at": "2026-01-01T00:00:00+00:00", "seq": 1, "hash": "0" * 64, "after": 1, "sig": "AA"}
    lines[1][name] = other[name]
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    is_intact, why, _ = await proof()
    assert (is_intact, why) == (False, "signature")


async def test_a_forged_line_of_any_types_is_told(binding, owner, more):
    """It stays in the file: the answer after it must be an answer."""
    tenant_id, caller = owner
    file = await anchored(binding, more, times=1)
    (true,) = file.read_bytes().splitlines(keepends=True)
    line = {"at": "2026-01-01T00:00:00+00:00", "tenant_id": str(tenant_id), "seq": 1,
            "hash": "0" * 64, "after": 0, "sig": "AA"}  # fmt: skip
    others = (5, "q", None, 1.5, [], {}, True, 2**70)
    for name, other in product(("at", "seq", "hash", "after", "sig"), others):
        file.write_bytes(true + json.dumps({**line, name: other}).encode() + b"\n")
        answer = await caller("POST", f"{M}/audit/verify")
        assert answer.status_code == 200, (name, other, answer.text)
        told = answer.json()
        assert (told["is_intact"], told["why"], told["anchored_seq"]) == (False, "signature", 3)
        believed = orjson.loads(true)["at"]
        assert told["anchored_at"][:19] == believed[:19], "of the last anchor that is believed"


async def test_a_stranger_cannot_write_an_anchor(binding, more, proof, service_keys, clock):
    """Another service's key signs well, and is not the one."""
    file = await anchored(binding, more)
    file.unlink()
    await binding.database.execute("UPDATE audit_heads SET anchored_seq = 0")

    stranger = replace(binding.deps, anchor_key_file=service_keys.key_file("order"))
    await audit_log.anchor_heads(stranger)
    assert await proof() == (False, "signature", 0)


async def test_a_short_write_is_finished(binding, more, proof, monkeypatch):
    """The system may take fewer bytes than it was given."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:7]))
    await anchored(binding, more)
    assert await proof() == (True, "", 5)


async def test_a_full_disk_notes_nothing_and_the_torn_line_harms_nobody(
    binding, more, proof, monkeypatch
):
    file = await anchored(binding, more, times=1)
    write, left = os.write, [50]

    def some(handle, data):
        if not left[0]:
            raise OSError(28, "No space left on device")
        taken, left[0] = min(left[0], len(data)), 0
        return write(handle, bytes(data)[:taken])

    await more(1)
    with monkeypatch.context() as full:
        full.setattr(os, "write", some)
        with pytest.raises(OSError, match="No space"):
            await audit_log.anchor_heads(binding.worker_deps)
    assert not file.read_bytes().endswith(b"\n"), "torn"
    assert await proof() == (True, "", 3), "not noted as anchored"
    assert await audit_log.anchor_heads(binding.worker_deps) == 1
    assert await proof() == (True, "", 4)


async def test_a_full_disk_ends_no_job_and_is_counted(binding, more, monkeypatch):
    """The worker says events too: it must not end because it cannot write evidence for now."""
    await more(1)

    def full(handle, data):
        raise OSError(28, "No space left on device")

    def failures():
        return REGISTRY.get_sample_value("binding_anchor_failures_total")

    before = failures()
    monkeypatch.setattr("services.binding.sweeper.ANCHOR_EVERY_S", 0.01)
    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        job = asyncio.ensure_future(anchoring(binding.worker_deps)())
        async with asyncio.timeout(20):
            while failures() < before + 2:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        while await audit_log.anchor_heads(binding.worker_deps):
            await asyncio.sleep(0.01)
    assert not job.done()
    job.cancel()
    assert binding.config.audit_anchor_file.read_bytes().endswith(b"\n")
