"""What signing costs beside the bare library, and a key that is not in memory yet, as JSON:
`python -m tests.bench.crypto`. Exit 1 above the bounds.

Rounds of ours and of the library alternate, and each is this process's CPU time: a busy machine
slows both alike. Medians, because single rounds on a shared machine say little.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gateway.alipay.protocol.envelope import signed_request
from gateway.alipay.protocol.rsa2 import sign, verify
from shared.keys.rsa_keys import load_trusted_private

SIGN_RATIO_MAX = 1.05
COLD_KEY_MS_MAX = 1.0
ROUNDS = 15
PER_ROUND = 60
CONTENT = ("app_id=2021000000000001&biz_content=" + "测试" * 100).encode()
AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
BIZ = {"out_trade_no": "T1", "subject": "测试", "total_amount": "0.01", "scene": "bar_code"}

_SCHEME, _DIGEST = padding.PKCS1v15(), hashes.SHA256()


def cpu_us(call: Callable[[], object], times: int) -> float:
    """Of one call, in microseconds."""
    started = time.process_time_ns()
    for _ in range(times):
        call()
    return (time.process_time_ns() - started) / times / 1000


def measure(rounds: int) -> dict[str, float]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key()
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    raw, text = key.sign(CONTENT, _SCHEME, _DIGEST), sign(CONTENT, key)
    calls: dict[str, Callable[[], object]] = {
        "library_sign_us": lambda: key.sign(CONTENT, _SCHEME, _DIGEST),
        "sign_us": lambda: sign(CONTENT, key),
        "signed_request_us": lambda: signed_request("m", "2021", BIZ, at=AT, key=key),
        "library_verify_us": lambda: public.verify(raw, CONTENT, _SCHEME, _DIGEST),
        "verify_us": lambda: verify(CONTENT, text, public),
        # The first signature with a key also prepares it: a cold key costs both.
        "cold_key_us": lambda: load_trusted_private(der),
        "cold_sign_us": lambda: sign(CONTENT, load_trusted_private(der)),
    }
    seen: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            spent = cpu_us(call, PER_ROUND)
            if number:  # the first round warms up
                seen[name].append(spent)
    found = {name: round(median(spent), 1) for name, spent in seen.items()}
    ratios = [
        ours / bare for ours, bare in zip(seen["sign_us"], seen["library_sign_us"], strict=True)
    ]
    cold = [
        with_key - warm
        for with_key, warm in zip(seen["cold_sign_us"], seen["sign_us"], strict=True)
    ]
    return {
        **found,
        "sign_ratio": round(median(ratios), 3),
        "cold_key_ms": round(median(cold) / 1000, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crypto", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    figures = measure(parser.parse_args().rounds)
    is_within = (
        figures["sign_ratio"] <= SIGN_RATIO_MAX and figures["cold_key_ms"] <= COLD_KEY_MS_MAX
    )
    bounds = {"sign_ratio": SIGN_RATIO_MAX, "cold_key_ms": COLD_KEY_MS_MAX}
    sys.stdout.write(json.dumps({**figures, "bounds": bounds, "within": is_within}) + "\n")
    return 0 if is_within else 1


if __name__ == "__main__":
    sys.exit(main())
