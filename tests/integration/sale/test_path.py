"""The payment path in docs/architecture.md is whole: a sale runs through its files, and through no
other that decides anything."""

import sys
from pathlib import Path

import pytest

from tests.contract.payment_path import PATH

ROOT = Path(__file__).resolve().parents[3]
FILES_MAX = 25
BOUNDS = {
    "gateway/cache.py", "gateway/http_client.py", "gateway/limits.py",
    "gateway/reports/usage.py", "gateway/server/forwarded.py",
    "services/payment/callers.py", "services/payment/functions.py",
    "services/payment/payments/auth_code.py",
    "services/payment/payments/wording.py", "services/payment/schedule.py",
    "services/payment/snapshot.py", "services/payment/writes.py",
}  # fmt: skip
"""Passed by any request, or looked up: bounds, caches, batches, client, words, times, numbers."""


def test_one_page_shows_it() -> None:
    files = [file for files in PATH.values() for file in files]
    assert len(files) == len(set(files)) <= FILES_MAX


@pytest.mark.asyncio
async def test_a_sale_runs_through_these_files(sale) -> None:
    await sale.pay()  # keys are looked up the first time
    seen = set()

    def note(frame, event, _argument):
        if event == "call":
            seen.add(frame.f_code.co_filename)

    sys.setprofile(note)
    try:
        await sale.pay()
    finally:
        sys.setprofile(None)
    ran = {
        str(Path(name).relative_to(ROOT))
        for name in seen
        if name.startswith((f"{ROOT}/gateway/", f"{ROOT}/services/"))
    }
    # The consumers and the relay run beside the sale, in this process.
    ran = {n for n in ran if not n.startswith(("services/order/", "services/campaign/"))}
    path = {file for files in PATH.values() for file in files if file.endswith(".py")}
    assert ran - BOUNDS == path
