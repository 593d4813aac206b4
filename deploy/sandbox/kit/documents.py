"""Dataclasses kept as one JSON document in a row: fields may come and go between versions."""

import json
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def dumped(record: "DataclassInstance", *columns: str) -> str:
    """Without the fields that are columns of their own."""
    kept = {name: value for name, value in asdict(record).items() if name not in columns}
    return json.dumps(kept, ensure_ascii=False)


def loaded(kind: type[T], text: str, **columns: Any) -> T:
    names = {field.name for field in fields(kind)}
    kept = {name: value for name, value in json.loads(text).items() if name in names}
    return kind(**kept, **columns)
