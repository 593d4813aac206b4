"""`python -m deploy.keys rotate-kek|retire-kek PURPOSE`: the key-encryption keys (docs/runbook.md).

rotate-kek puts a fresh key into the purpose's file, and wraps the data key of every sealed box
under it, some rows at a time. It may be stopped at any moment and run again: what is done stays
done, and meanwhile boxes under the old key and under the new one open alike. No process needs a
restart. retire-kek deletes the older keys when no box is under them any more. It refuses (exit 2)
while the same file is used for another purpose, whose boxes it would not check.

Settings: those of the service that stores the boxes (KEK_FILE_<PURPOSE>, DATABASE_URL_<SERVICE>).
"""

import argparse
import asyncio
import base64
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Column, MetaData, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB

from services.binding.config import CommandConfig as BindingCommands
from services.binding.crypto.keks import KEK_OF, OWN
from services.binding.models import Base as BindingTables
from services.device.config import CommandConfig as DeviceCommands
from services.device.models import Base as DeviceTables
from shared.config import load
from shared.db import Database
from shared.keys.sealed import KEY_BYTES, LocalKeyProvider, key_versions, rewrapped

PURPOSES = ("app", "pos", "own", "device")
OPENED_ELSEWHERE = {"apps": "app", "app_keys": "app", "key_pairs": "app", "api_keys": "pos"}
"""Tables of binding whose boxes other processes open, too; only binding opens all others."""
BATCH = 200

Boxes = Sequence["Column[Any]"]


def boxes_of(purpose: str) -> Boxes:
    """The columns whose boxes are under that purpose's key; they are called `…_box`."""
    metadata: MetaData = DeviceTables.metadata if purpose == "device" else BindingTables.metadata
    return [
        column
        for table in metadata.sorted_tables
        if purpose == "device" or OPENED_ELSEWHERE.get(table.name, OWN) == purpose
        for column in table.columns
        if column.name.endswith("_box")
    ]


# --- the file


class NamedFiles(BaseSettings):
    """The key file of each purpose, from its own setting, else from KEK_FILE."""

    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_file=Path(os.environ.get("RUN_DIR", ".run")) / "local.env"
    )

    kek_file: Path | None = None
    kek_file_app: Path | None = None
    kek_file_pos: Path | None = None
    kek_file_own: Path | None = None
    kek_file_device: Path | None = None


class FileShared(Exception):
    """The key file also serves other purposes."""


def require_unshared(file: Path, purpose: str) -> None:
    """Raises FileShared if another purpose uses the same file, also under another name or link, or
    if it is the file for all purposes."""
    files = load(NamedFiles).model_dump()
    others = [name for name in files if name != f"kek_file_{purpose}" and files[name]]
    shared = [
        name.upper() for name in others if files[name].exists() and file.samefile(files[name])
    ]
    if shared:
        raise FileShared(
            f"{file} is {', '.join(shared)} as well: give {purpose} a file of its own first "
            "(docs/runbook.md), or what is sealed for the others opens nowhere any more"
        )


def _write(path: Path, versions: dict[int, bytes]) -> None:
    """Replaces the file atomically, with the same owner and mode; newest version first."""
    draft, was = path.with_name(path.name + ".new"), path.stat()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        for number in sorted(versions, reverse=True):
            out.write(f"{number} {base64.b64encode(versions[number]).decode()}\n")
        out.flush()
        os.fsync(out.fileno())
    os.chown(draft, was.st_uid, was.st_gid)
    draft.chmod(was.st_mode & 0o777)
    draft.replace(path)


def add_version(path: Path) -> None:
    """Adds a new key, which wraps data keys from now on."""
    versions = key_versions(path)
    _write(path, versions | {max(versions) + 1: os.urandom(KEY_BYTES)})


def retire_older(path: Path) -> None:
    """Keeps only the newest key: boxes under an older key cannot be opened any more."""
    versions = key_versions(path)
    _write(path, {max(versions): versions[max(versions)]})


# --- the boxes


def _is_old(provider: LocalKeyProvider, box: "Column[Any]") -> Any:
    return box.is_not(None) & (box.cast(JSONB)["kek"].astext != provider.kek_id)


async def left(db: Database, provider: LocalKeyProvider, boxes: Boxes) -> int:
    """The number of boxes under another key than the newest."""
    async with db.read(None) as tx:
        queries = [select(func.count()).where(_is_old(provider, box)) for box in boxes]
        return sum([(await tx.scalars(query)).one() for query in queries])


async def _batch(db: Database, provider: LocalKeyProvider, box: "Column[Any]") -> int:
    keys = list(box.table.primary_key.columns)
    query = select(*keys, box).where(_is_old(provider, box)).limit(BATCH).with_for_update()
    async with db.tx(None) as tx:
        rows = (await tx.execute(query)).all()
        for row in rows:
            here = and_(*(key == value for key, value in zip(keys, row, strict=False)))
            new = {box.name: rewrapped(provider, row[-1])}
            await tx.execute(update(box.table).where(here).values(new))
    return len(rows)


async def _forget_data_keys(db: Database, provider: LocalKeyProvider, purpose: str) -> None:
    """Deletes data keys under older keys: each box contains its own, so they are not needed."""
    metadata: MetaData = DeviceTables.metadata if purpose == "device" else BindingTables.metadata
    table = metadata.tables["data_keys"]
    query = delete(table).where(table.c.kek_id != provider.kek_id)
    if purpose != "device":
        known = [name for name, kek in KEK_OF.items() if kek == purpose]
        query = query.where(
            table.c.purpose.not_in(KEK_OF) if purpose == OWN else table.c.purpose.in_(known)
        )
    async with db.tx(None) as tx:
        await tx.execute(query)


async def rotate(db: Database, file: Path, purpose: str) -> dict[str, Any]:
    """Completes an interrupted rotation, else starts one with a new key."""
    provider, boxes = LocalKeyProvider(file), boxes_of(purpose)
    if not await left(db, provider, boxes):
        add_version(file)
    done = 0
    for box in boxes:
        while changed := await _batch(db, provider, box):
            done += changed
    await _forget_data_keys(db, provider, purpose)
    return _report(purpose, provider, rewrapped=done)


async def retire(db: Database, file: Path, purpose: str) -> dict[str, Any]:
    """Deletes the older keys; refused (`left` > 0) while a box is under one of them."""
    provider = LocalKeyProvider(file)
    remaining = await left(db, provider, boxes_of(purpose))
    if not remaining:
        retire_older(file)
    return _report(purpose, provider, left=remaining)


def _report(purpose: str, provider: LocalKeyProvider, **facts: int) -> dict[str, Any]:
    return {"purpose": purpose, "kek_id": provider.kek_id, "version": provider.version, **facts}


async def _run(action: str, purpose: str) -> dict[str, Any]:
    config: DeviceCommands | BindingCommands
    if purpose == "device":
        config = load(DeviceCommands)
        file = config.kek_file_device
    else:
        config = load(BindingCommands)
        file = config.kek_files[purpose]
    if action == "retire-kek":
        require_unshared(file, purpose)
    # The role that sees all tenants: boxes of invisible rows would not be re-wrapped.
    url = config.database_system_url
    db = Database(url, url, pool_size=1, name="keys-command")
    try:
        return await (rotate if action == "rotate-kek" else retire)(db, file, purpose)
    finally:
        await db.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.keys", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("action", choices=("rotate-kek", "retire-kek"))
    parser.add_argument("purpose", choices=PURPOSES)
    given = parser.parse_args()
    try:
        result = asyncio.run(_run(given.action, given.purpose))
    except FileShared as refusal:
        sys.stderr.write(f"refused: {refusal}\n")
        return 2
    sys.stdout.write(json.dumps(result) + "\n")
    return 1 if result.get("left") else 0


if __name__ == "__main__":
    sys.exit(main())
