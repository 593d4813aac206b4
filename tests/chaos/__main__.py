"""Kills and faults against a whole stack: python -m tests.chaos --help.

Starts a stack of its own, and sells at a steady pace while the channel misbehaves now and then.
Every two seconds a random process is killed -9, each time in a burst of sales on all idle devices.
Then it heals, waits until everything is final, and judges by the sandbox's ledger. Then the broker,
whose memory is all it has, is wiped once more.
Writes RUN_DIR/chaos.json (interfaces §4); exit code 1 on any violation.
"""

import argparse
import asyncio
import json
import os
import random
import sys
from pathlib import Path

from tests.chaos.run import Options, run


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--payments", type=int, default=500, help="sales to make, besides the bursts"
    )
    parser.add_argument("--seconds", type=float, help="stop selling after this long")
    parser.add_argument("--seed", type=int, help="repeat a run; default: a new one, printed")
    parser.add_argument("--pace", type=float, default=12.0, help="sales started per second")
    parser.add_argument("--devices", type=int, default=24, help="counters selling side by side")
    parser.add_argument("--period", type=float, default=2.0, help="seconds between two kills")
    parser.add_argument("--real-kafka", action="store_true", help="on KAFKA_BOOTSTRAP's broker")
    parser.add_argument("--keep", action="store_true", help="leave the stack's folder for reading")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if given.real_kafka and not os.environ.get("KAFKA_BOOTSTRAP"):
        sys.stderr.write("--real-kafka needs KAFKA_BOOTSTRAP: start a broker with `make kafka`\n")
        return 2
    options = Options(
        payments=given.payments,
        seconds=given.seconds,
        seed=random.SystemRandom().randrange(2**31) if given.seed is None else given.seed,
        pace=given.pace,
        devices=given.devices,
        period_s=given.period,
        kafka_bootstrap=os.environ.get("KAFKA_BOOTSTRAP", "") if given.real_kafka else "",
        is_kept=given.keep,
    )
    sys.stdout.write(f"chaos, seed {options.seed}\n")
    sys.stdout.flush()
    verdict = asyncio.run(run(options))
    path = Path(os.environ.get("RUN_DIR", ".run")) / "chaos.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(verdict.document(), indent=2) + "\n")
    sys.stdout.write(f"{verdict.table()}\nwritten to {path}\n")
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    raise SystemExit(main())
