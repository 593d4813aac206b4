"""Settings from the environment: one class per process; an error names every missing key."""

import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings

SaslMechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER"]
ConfigT = TypeVar("ConfigT", bound=BaseSettings)


class BaseConfig(BaseSettings, extra="ignore", frozen=True):
    """The settings of every process."""

    listen: str = "127.0.0.1:0"
    """host:port where this process listens (its API, or a worker's health and metrics)"""
    workers: int = Field(1, ge=1)
    """how many processes share LISTEN; the kernel spreads connections among them"""
    metrics_listen: str = Field("", pattern=r"^([^:\s]+:\d{1,5})?$")
    """host:port of one more listener, of this process alone; needed where LISTEN is shared"""
    log_level: str = "INFO"
    otel_exporter_otlp_endpoint: str = ""
    """where traces are sent (OTLP over HTTP); empty: tracing is off"""
    kafka_bootstrap: str
    kafka_fetch_max_wait_ms: int = 2_000
    """how often a reader asks again while nothing comes; what comes is answered at once"""
    events_max_age_days: int = Field(28, ge=1)
    """An older event is parked, because inboxes keep 30 days. Raise it only for a wanted replay."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: SaslMechanism = "SCRAM-SHA-512"
    kafka_sasl_username: str = ""
    kafka_sasl_password: str = Field("", repr=False)
    kafka_sasl_password_file: Path | None = None
    kafka_sasl_token_file: Path | None = None
    """OAUTHBEARER: read again for each connection, so that another program can renew the token"""
    kafka_ssl_ca_file: Path | None = None
    kafka_ssl_cert_file: Path | None = None
    kafka_ssl_key_file: Path | None = None
    service_key_file: Path
    service_trust_file: Path


class DatabaseConfig(BaseConfig):
    """The settings of a service with a database; each service names its variables by alias."""

    database_url: str
    """for the role that sees only the rows of the tenant that a transaction names"""
    database_system_url: str
    """for the role that sees all tenants' rows: workers, and look-ups of an unknown tenant"""
    outbox_idle_poll_ms: int = Field(2_000, ge=10, le=10_000)
    """how often the relay looks into an outbox that is empty, although a new event wakes it"""


def load(config: type[ConfigT]) -> ConfigT:
    """The settings; on errors one line that names everything missing or wrong, and exit 2."""
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
    """The only setting of `migrate`: the service's database, as the owner of its tables when that
    is another role. The application's role owns no table, so it cannot switch row security off."""

    class MigrateConfig(BaseSettings, extra="ignore", frozen=True):
        database_url: str = Field(validation_alias=f"DATABASE_URL_{service.upper()}")
        owner_url: str = Field("", validation_alias=f"DATABASE_OWNER_URL_{service.upper()}")

    config = load(MigrateConfig)
    return config.owner_url or config.database_url
