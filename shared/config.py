"""Settings from the environment: one class per process, every missing key named at once."""

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

SaslMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"]
ConfigT = TypeVar("ConfigT", bound=BaseSettings)


class BaseConfig(BaseSettings):
    """What every process needs to be told."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    listen: str = "127.0.0.1:0"
    """host:port of this process's own door (its API, or a worker's health and metrics)"""
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str = ""
    """where traces go (OTLP over HTTP); empty: there are none"""
    kafka_bootstrap: str
    kafka_fetch_max_wait_ms: int = 500
    """500 suits a real broker, which wakes a waiting fetch; the embedded one does not, so 20"""
    events_max_age_days: int = Field(28, ge=1)
    """An older event is parked: inboxes remember 30 days. Higher only to replay on purpose."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = Field("", repr=False)
    kafka_sasl_password_file: Path | None = None
    kafka_sasl_token_file: Path | None = None
    """OAUTHBEARER: read anew for each connection, for whoever keeps a fresh token there"""
    kafka_ssl_ca_file: Path | None = None
    kafka_ssl_cert_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    service_key_file: Path
    service_trust_file: Path

    @property
    def listen_at(self) -> tuple[str, int]:
        host, _, port = self.listen.rpartition(":")
        return host, int(port)


class DatabaseConfig(BaseConfig):
    """A service with a database; each service names its own variables by alias."""

    database_url: str
    """as the role that sees the rows of the one tenant it names, and no others"""
    database_system_url: str
    """as the role that sees all tenants' rows: workers, and look-ups of an unknown tenant"""
    outbox_idle_poll_ms: int = Field(60, ge=10, le=10_000)
    """how long at most something said to an idle outbox waits for the relay"""


def load(config: type[ConfigT]) -> ConfigT:
    """The settings, or one line naming everything that is missing or wrong, and exit 2."""
    try:
        return config()
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        sys.stderr.write(f"{config.__name__}: {faults}\n")
        raise SystemExit(2) from None


def owner_url(service: str) -> str:
    """All that `migrate` needs to be told: the service's database, as the owner of its tables when
    that is somebody else. The application's role owns nothing, and cannot switch row security
    off."""

    class MigrateConfig(BaseSettings):
        model_config = SettingsConfigDict(extra="ignore", frozen=True)

        database_url: str = Field(validation_alias=f"DATABASE_URL_{service.upper()}")
        owner_url: str = Field("", validation_alias=f"DATABASE_OWNER_URL_{service.upper()}")

    config = load(MigrateConfig)
    return config.owner_url or config.database_url
