"""The binding service's settings."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.config import DatabaseConfig


class KekFiles(BaseSettings):
    """The files of the key-encryption keys, by who opens what is sealed. KEK_FILE is used for those
    that are not set: an earlier version had one key for everything."""

    kek_file_app: Path = Field(validation_alias=AliasChoices("KEK_FILE_APP", "KEK_FILE"))
    """for the keys with which the egress signs"""
    kek_file_pos: Path = Field(validation_alias=AliasChoices("KEK_FILE_POS", "KEK_FILE"))
    """for the API keys with which the edge authenticates merchants' programs"""
    kek_file_own: Path = Field(validation_alias=AliasChoices("KEK_FILE_OWN", "KEK_FILE"))
    """for secrets that only this service opens"""

    @property
    def kek_files(self) -> dict[str, Path]:
        """purpose -> file"""
        return {"app": self.kek_file_app, "pos": self.kek_file_pos, "own": self.kek_file_own}


class BindingConfig(DatabaseConfig, KekFiles):
    """The settings of `api` and `worker`."""

    database_url: str = Field(validation_alias="DATABASE_URL_BINDING")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_BINDING")
    egress_url: str = ""
    """without it onboarding and the live key check report that the platform does not answer"""
    public_url: str = ""
    alipay_is_sandbox: bool = False
    """whether the egress calls the sandbox instead of Alipay"""
    whitelist_hosts: str = ""
    """the domains the mini program calls, by comma; empty: the host of PUBLIC_URL (S25)"""
    mini_template_id: str = ""
    """the reviewed template that versions are made from; empty: the only one there is"""
    audit_anchor_file: Path | None = None
    """the file to which the worker writes the heads of the audit chains, and which a verification
    reads; best on a disk that the database's administrators cannot write to"""
    setup_code_file: Path | None = None
    """the file of the code with which the first operator is created; without it only `operators
    add` can create one"""
    approve_after_h: int = Field(24, ge=0, le=30 * 24)
    """how long a new, promoted or reset account cannot approve anything, and an owner whom an
    operator helped to sign in again cannot refund or change keys or people (ADR 0021)"""
    operator_second_factor: bool = False
    """whether operators have to set up a second factor before anything else"""


class CommandConfig(KekFiles):
    """What the command lines need: the database and the key-encryption key, no broker."""

    # On the machine of `make run` the stack's own settings serve as defaults.
    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_file=Path(os.environ.get("RUN_DIR", ".run")) / "local.env"
    )

    database_url: str = Field(validation_alias="DATABASE_URL_BINDING")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_BINDING")
    audit_anchor_file: Path | None = None
    service_trust_file: Path | None = None
    approve_after_h: int = Field(24, ge=0, le=30 * 24)
    public_url: str = ""
    """the beginning of the printed one-time links"""
