"""What the use cases stand on."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from services.binding.config import BindingConfig
from services.binding.costly import Costly
from services.binding.crypto.keks import Keks
from services.binding.crypto.passwords import Passwords
from services.binding.crypto.relying_party import RelyingParty, of_url
from services.binding.turns import Turns
from shared.clock import Clock
from shared.db import Database

APPROVE_AFTER = timedelta(hours=24)
CONNECTIONS = {"api": 6, "worker": 4}


@dataclass(frozen=True)
class Deps:
    """What the use cases stand on."""

    db: Database
    clock: Clock
    key_provider: Keks
    passwords: Passwords = field(default_factory=Passwords)
    costly: Costly = field(default_factory=Costly)
    anchor_file: Path | None = None
    """where the heads of the audit chains are written down, outside the database"""
    anchor_key_file: Path | None = None
    """what they are signed with; the worker's"""
    trust_file: Path | None = None
    """what their signatures are verified with"""
    turns: Turns = field(default_factory=Turns)
    approve_after: timedelta = APPROVE_AFTER
    """how long a new, lifted or reset account cannot be anybody's second approver"""
    operators_need_second_factor: bool = False
    relying_party: RelyingParty | None = None
    """whom passkeys are made for; None: they cannot be used at this address"""
    is_sandbox: bool = False
    """whether the Alipay behind is the sandbox: only there does a test cashier count as a device"""
    public_url: str = ""
    """what one-time links begin with, where a command line prints them"""


def build_deps(
    config: BindingConfig, clock: Clock, process: str, passwords: Passwords | None = None
) -> Deps:
    """For the `api` or the `worker`; the database is not opened yet."""
    urls = config.database_url, config.database_system_url
    return Deps(
        Database(*urls, pool_size=CONNECTIONS[process], name=f"binding-{process}"),
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
