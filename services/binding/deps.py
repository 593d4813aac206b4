"""What the use cases stand on."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from services.binding.costly import Costly
from services.binding.crypto.keks import Keks
from services.binding.crypto.passwords import Passwords
from services.binding.crypto.relying_party import RelyingParty
from services.binding.turns import Turns
from shared.clock import Clock
from shared.db import Database

APPROVE_AFTER = timedelta(hours=24)


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
