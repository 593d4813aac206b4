"""The device service's settings."""

import os
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.config import DatabaseConfig


class KekFiles(BaseSettings):
    """The key-encryption keys of the devices' keys, which the edge opens too."""

    kek_file_device: Path = Field(validation_alias=AliasChoices("KEK_FILE_DEVICE", "KEK_FILE"))


class DeviceConfig(DatabaseConfig, KekFiles):
    """The settings of `api` and `worker`."""

    database_url: str = Field(validation_alias="DATABASE_URL_DEVICE")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_DEVICE")
    egress_url: str = ""
    """without it no call about a mini program succeeds"""


class CommandConfig(KekFiles):
    """The settings of the command lines: the database, no broker."""

    # On the machine of `make run` the stack's own settings serve as defaults.
    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_file=Path(os.environ.get("RUN_DIR", ".run")) / "local.env"
    )

    database_url: str = Field(validation_alias="DATABASE_URL_DEVICE")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_DEVICE")
