"""The dependencies of every use case of this service."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from services.binding.config import BindingConfig
from services.binding.crypto.keks import Keks
from services.binding.crypto.passwords import Passwords
from services.binding.crypto.relying_party import RelyingParty, of_url
from services.binding.expensive import ExpensiveWork
from services.binding.locks import LocalLocks
from shared.clock import Clock
from shared.db import Database

APPROVE_AFTER = timedelta(hours=24)
CONNECTIONS = {"api": 6, "worker": 4}
LOCK_WAIT_MS = "5000"
"""Longer than in other services: all acts at one organisation wait for the commit before them (the
audit chain), and a person would rather wait for a slow disk than act again."""


@dataclass(frozen=True)
class Deps:
    """Made once for each process."""

    db: Database
    clock: Clock
    key_provider: Keks
    passwords: Passwords = field(default_factory=Passwords)
    expensive: ExpensiveWork = field(default_factory=ExpensiveWork)
    anchor_file: Path | None = None
    """the file of the heads of the audit chains, outside the database"""
    anchor_key_file: Path | None = None
    """the worker's key, with which they are signed"""
    trust_file: Path | None = None
    """the public keys with which they are verified"""
    locks: LocalLocks = field(default_factory=LocalLocks)
    approve_after: timedelta = APPROVE_AFTER
    """how long a new, promoted or reset account cannot approve anything"""
    operators_need_second_factor: bool = False
    relying_party: RelyingParty | None = None
    """for whom passkeys are created; None: they cannot be used at this address"""
    is_sandbox: bool = False
    """whether the egress calls the sandbox; only there a test cashier counts as a device"""
    public_url: str = ""
    """the beginning of the one-time links that a command line prints"""


def build_deps(
    config: BindingConfig, clock: Clock, process: str, passwords: Passwords | None = None
) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    return Deps(
        Database(
            *urls,
            pool_size=CONNECTIONS[process],
            name=f"binding-{process}",
            lock_timeout=LOCK_WAIT_MS,
        ),
        clock,
        Keks(config.kek_files),
        passwords or Passwords(),
        anchor_file=config.audit_anchor_file,
        anchor_key_file=config.service_key_file if process == "worker" else None,
        trust_file=config.service_trust_file,
        approve_after=timedelta(hours=config.approve_after_h),
        operators_need_second_factor=config.operator_second_factor,
        relying_party=of_url(config.public_url),
        is_sandbox=config.alipay_is_sandbox,
    )
