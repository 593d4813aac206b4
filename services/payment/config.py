"""The payment service's settings."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.payment.schedule import PAY_START_S, Schedule
from shared.config import DatabaseConfig


class PaymentConfig(DatabaseConfig):
    """The settings of `api` and `worker`; the payment_* numbers have working defaults."""

    database_url: str = Field(validation_alias="DATABASE_URL_PAYMENT")
    database_system_url: str = Field(validation_alias="DATABASE_SYSTEM_URL_PAYMENT")
    egress_url: str
    alipay_timeout_ms: int = Field(15_000, ge=100, le=60_000)
    payment_deadline_s: float = Field(60.0, gt=0)
    payment_poll_s: float = Field(3.0, gt=0)
    payment_slow_poll_s: float = Field(5.0, gt=0)
    payment_slow_after_s: float = Field(30.0, gt=0)
    payment_refund_query_s: float = Field(10.0, gt=0)
    payment_lease_s: float = Field(15.0, gt=0)
    """after so long another worker takes over a dead worker's rows; a live worker renews"""

    @property
    def channel_wait_s(self) -> float:
        """Longer than the egress waits for the channel, so that the egress gives up first."""
        return self.alipay_timeout_ms / 1000 + 2.0

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            deadline_s=self.payment_deadline_s,
            poll_s=self.payment_poll_s,
            slow_poll_s=self.payment_slow_poll_s,
            slow_after_s=self.payment_slow_after_s,
            refund_query_s=self.payment_refund_query_s,
            lease_s=self.payment_lease_s,
            pay_open_s=self.channel_wait_s + 2 * PAY_START_S,
        )


class CommandConfig(BaseSettings):
    """The settings of the command lines: the database."""

    # On the machine of `make run` the stack's own settings serve as defaults.
    model_config = SettingsConfigDict(
        extra="ignore", frozen=True, env_file=Path(os.environ.get("RUN_DIR", ".run")) / "local.env"
    )

    database_url: str = Field(validation_alias="DATABASE_URL_PAYMENT")
    database_system_url: str = Field("", validation_alias="DATABASE_SYSTEM_URL_PAYMENT")
