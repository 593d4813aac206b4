"""The first operator of a platform that has none, created by somebody who can read a file on its
machine.

The file (SETUP_CODE_FILE) holds a code of 192 bits. It is written here at the first request that
asks whether the first operator is missing. Or it is put there at the installation, which is how
several api processes on several machines share one code. The file is deleted after its first use.
Once there is an operator, this way is closed for good. Without the setting it is never open, and
`operators add` on the command line creates the first operator.
"""

import hmac
import os
from asyncio import to_thread
from pathlib import Path

from services.binding.deps import Deps
from services.binding.models import User
from services.binding.people.rules import SetupCodeWrong
from services.binding.tenancy import accounts
from services.binding.tenancy import repo as tenancy_repo
from services.binding.tenancy import rules as tenancy_rules
from services.binding.tenancy.rules import FirstRunOver, Role
from shared.errors import NotFound
from shared.ids import random_token
from shared.telemetry import get_logger

CODE_BYTES = 24
CODE_MIN = 16
"""A shorter code in the file is never accepted, so that nobody can set a guessable one."""
FILE_MAX = 4096
ACTOR = "first-run"

log = get_logger("binding.first_run")


class FirstRun:
    """Whether the first operator is missing, and its creation."""

    def __init__(self, deps: Deps, code_file: Path | None) -> None:
        self._deps = deps
        self._code_file = code_file
        self._is_over = False
        """cached once true: operators are disabled but never deleted, so it stays true"""

    async def is_needed(self) -> bool:
        """Whether the first operator can be created with the code now; writes the code file."""
        if self._code_file is None or await self._has_operator():
            return False
        await to_thread(_write_once, self._code_file)
        return True

    async def make_operator(self, code: str, *, login: str, password: str) -> User:
        """Creates the first operator. Raises FirstRunOver, SetupCodeWrong. Of several requests at
        the same time, one succeeds."""
        if self._code_file is None:
            raise NotFound
        if await self._has_operator():
            raise FirstRunOver
        if not await to_thread(_is_code, self._code_file, code):
            log.warning("first_run.refused")
            raise SetupCodeWrong
        user = await accounts.create_user(
            self._deps, None, role=Role.OPERATOR_ADMIN, login=login, password=password,
            actor=ACTOR, is_first=True,
        )  # fmt: skip
        self._is_over = True
        await to_thread(_delete, self._code_file)
        log.info("first_run.done", user_id=str(user.user_id))
        return user

    async def _has_operator(self) -> bool:
        if not self._is_over:
            async with self._deps.db.read(None) as tx:
                self._is_over = await tenancy_repo.operator_tenant(tx) is not None
        return self._is_over


def _write_once(path: Path) -> None:
    """Writes a new code, unless the file exists. The file appears with its whole content, and only
    its owner can read it."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(random_token(CODE_BYTES) + "\n")
    try:
        os.link(draft, path)
        log.info("first_run.waiting", code_file=str(path))
    except FileExistsError:
        log.info("first_run.code_is_there", code_file=str(path))
    finally:
        draft.unlink()


def _is_code(path: Path, given: str) -> bool:
    """Whether the file has this code; compared by digests, in constant time."""
    try:
        with path.open(encoding="utf-8") as file:
            code = file.read(FILE_MAX).strip()
    except (OSError, UnicodeDecodeError):
        log.exception("first_run.unreadable", code_file=str(path))
        return False
    is_same = hmac.compare_digest(
        tenancy_rules.sha256_hex(code), tenancy_rules.sha256_hex(given.strip())
    )
    return is_same and len(code) >= CODE_MIN


def _delete(path: Path) -> None:
    """Deletes the file. One that cannot be deleted (a mounted secret) does no harm: once there is
    an operator, no code is accepted."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("first_run.not_burned", code_file=str(path), reason=error.strerror)
