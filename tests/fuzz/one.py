"""One target in this process, for so many seconds: `python -m tests.fuzz.one TARGET SECONDS DIR`.

libFuzzer ends the process itself, so the runner starts one of these for each target.
"""

import hashlib
import sys
from importlib import import_module
from pathlib import Path

import atheris

INSTRUMENTED = [
    "gateway.alipay",
    "shared.keys",
    "services.binding.keys.pasted",
    "services.binding.keys.certificates",
    "tests.fuzz.targets",
]
INPUT_BYTES_MAX = 16 * 1024
INPUT_SECONDS_MAX = 20
MEMORY_MB_MAX = 2048


def main() -> None:
    name, seconds, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    with atheris.instrument_imports(include=INSTRUMENTED):
        target = import_module(f"tests.fuzz.targets.{name}")
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.SEEDS:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "max_len": INPUT_BYTES_MAX,
        "timeout": INPUT_SECONDS_MAX,
        "rss_limit_mb": MEMORY_MB_MAX,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
    }
    flags = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *flags, str(corpus)], target.check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
