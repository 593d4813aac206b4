"""Writes the golden file of each inner document that has none yet.

Run `python -m tests.contract.documents.golden_files`. A file is never written twice: during an
update, processes of the former version still say and read what it says.
"""

import json
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.documents import RequestDocument, ResponseDocument

GOLDEN = Path(__file__).parent / "golden" / "classes"
PLAIN = {str: "word", int: 7, bool: True, UUID: "01900000-0000-7000-8000-000000000001"}
SPELLED = {
    "app_id": "2021000000000001", "key_id": "k1", "session_hash": "0" * 64,
    "csrf_token_hash": "1" * 64,
}  # fmt: skip
WHEN = "2026-11-23T04:00:05Z"


def _value(name: str, annotation: Any) -> Any:
    """One good value of the type: of a choice the first, of what may be missing a value."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _value(name, arguments[0])
    if origin in (Union, UnionType):
        return _value(name, next(kind for kind in arguments if kind is not type(None)))
    if origin is Literal:
        return arguments[0]
    if origin is list:
        return [_value(name, arguments[0])]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return sample(annotation)
    return SPELLED.get(name) or PLAIN.get(annotation, WHEN)


def known_documents() -> dict[str, type[BaseModel]]:
    """Every document by its name."""
    found: dict[str, type[BaseModel]] = {}
    waiting: list[Any] = [ResponseDocument, RequestDocument]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        found |= {kind.__name__: kind for kind in kinds}
        waiting += kinds
    return dict(sorted(found.items()))


def sample(document: type[BaseModel]) -> dict[str, Any]:
    """A document of that class with every member filled in."""
    return {name: _value(name, field.annotation) for name, field in document.model_fields.items()}


def spelled(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def write_missing(folder: Path = GOLDEN) -> list[Path]:
    written = []
    for name, document in known_documents().items():
        path = folder / f"{name}.json"
        if not path.exists():
            path.write_text(spelled(sample(document)))
            written.append(path)
    return written


if __name__ == "__main__":
    for path in write_missing():
        sys.stdout.write(f"wrote {path.name}\n")
