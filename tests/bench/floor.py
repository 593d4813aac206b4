"""R: the least CPU time that one payment needs, measured on this machine.

One RSA-2048 signature (our request) and two verifications (Alipay's answer and its notify), keys
parsed once, by this process's CPU clock. Everything else is compared with it, because a machine's
speed is not ours to claim (performance §6).
"""

import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ROUNDS = 5
PER_ROUND = 200
MESSAGE = b"m" * 700


def measure_floor() -> float:
    """R in microseconds: the median of a few short rounds."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key()
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()
    signature = key.sign(MESSAGE, scheme, digest)
    seen = []
    for _ in range(ROUNDS):
        started = time.process_time_ns()
        for _ in range(PER_ROUND):
            key.sign(MESSAGE, scheme, digest)
            public.verify(signature, MESSAGE, scheme, digest)
            public.verify(signature, MESSAGE, scheme, digest)
        seen.append((time.process_time_ns() - started) / PER_ROUND / 1000)
    return sorted(seen)[ROUNDS // 2]
