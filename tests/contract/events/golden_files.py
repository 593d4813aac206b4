"""Writes the golden file of each event type that has none yet.

Run `python -m tests.contract.events.golden_files`. A file is never written twice: consumers
deployed years ago still read what it says.
"""

import json
import sys
from pathlib import Path

from shared.contracts.events import Event, known_types
from tests.fixtures.events import sample

GOLDEN = Path(__file__).parent / "golden"


def spelled(event: Event) -> str:
    return json.dumps(json.loads(event.encode()), indent=2, sort_keys=True) + "\n"


def write_missing(folder: Path = GOLDEN) -> list[Path]:
    written = []
    for name, event in known_types().items():
        path = folder / f"{name}.json"
        if not path.exists():
            path.write_text(spelled(sample(event)))
            written.append(path)
    return written


if __name__ == "__main__":
    for path in write_missing():
        sys.stdout.write(f"wrote {path.name}\n")
