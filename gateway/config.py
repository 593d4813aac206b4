"""Settings of the two gateway processes, from the environment."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, HttpUrl, TypeAdapter, field_validator, model_validator

from gateway.limits import ADDRESS_CONNECTIONS_MAX
from gateway.server.forwarded import networks
from shared.config import BaseConfig

_URL = TypeAdapter(HttpUrl)


def _checked(url: str) -> str:
    _URL.validate_python(url)
    return url.rstrip("/")


class GatewayConfig(BaseConfig):
    """What both processes need."""

    public_url: str
    """the edge's public address: base of every notify_url; HSTS is sent if it is HTTPS"""
    binding_url: str

    @field_validator("public_url", "binding_url")
    @classmethod
    def _urls(cls, value: str) -> str:
        return _checked(value)


class ProxiesNotConfigured(Exception):
    """Without TRUSTED_PROXIES the edge cannot distinguish its callers."""


class EdgeConfig(GatewayConfig):
    """The public edge."""

    kek_file_device: Path = Field(validation_alias=AliasChoices("KEK_FILE_DEVICE", "KEK_FILE"))
    kek_file_pos: Path = Field(validation_alias=AliasChoices("KEK_FILE_POS", "KEK_FILE"))
    """to unseal the HMAC keys of devices and of merchants' programs; the edge has none for apps"""
    device_url: str
    payment_url: str
    campaign_url: str
    order_url: str
    alipay_is_sandbox: bool = False
    """whether this Alipay is a sandbox: the console then shows that on every page"""
    sandbox_page: str = Field(default="", pattern=r"^(https?://[^\s/?#@]+/)?$")
    """the sandbox's page for a browser on this machine, for links; published in the sandbox only"""
    metrics_listen: str = Field(default="127.0.0.1:9464", pattern=r"^[^:\s]+:\d{1,5}$")
    """host:port of the inner listener for monitoring: /metrics, /livez and /readyz"""
    address_connections_max: int = Field(default=ADDRESS_CONNECTIONS_MAX, ge=1)
    """how many connections one address (IPv6: one /64) may hold open"""
    trusted_proxies: str = ""
    """addresses and networks of reverse proxies, separated by commas: X-Forwarded-For is read only
    from these. `none`: clients connect to the edge directly; empty means the same if PUBLIC_URL is
    not https"""
    quota_scale: int = Field(default=1, ge=1, le=1000)
    """multiplies the request rates of one person, merchant, device and key, when the services
    behind this edge have more than one core; the limit on password guesses does not change"""

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        networks(value)
        return value

    @field_validator("device_url", "payment_url", "campaign_url", "order_url")
    @classmethod
    def _service_urls(cls, value: str) -> str:
        return _checked(value)

    @property
    def shown_sandbox_page(self) -> str | None:
        """None outside the sandbox, whatever is set."""
        return self.sandbox_page or None if self.alipay_is_sandbox else None

    def require_proxies(self) -> None:
        """Raises ProxiesNotConfigured if TLS ends before the edge and no proxy is named: all
        callers would share the address, and the rate limits, of that machine."""
        if self.public_url.startswith("https://") and not self.trusted_proxies:
            raise ProxiesNotConfigured(
                f"PUBLIC_URL={self.public_url} is served by something before the edge: set "
                "TRUSTED_PROXIES to its addresses (10.0.0.5,10.1.0.0/16), or to 'none' when it "
                "passes connections on as they are. See docs/runbook.md"
            )

    @property
    def service_urls(self) -> dict[str, str]:
        """name (= audience of its tokens) -> base address"""
        return {
            "binding": self.binding_url,
            "device": self.device_url,
            "payment": self.payment_url,
            "campaign": self.campaign_url,
            "order": self.order_url,
        }


class EgressConfig(GatewayConfig):
    """The private egress."""

    kek_file_app: Path = Field(validation_alias=AliasChoices("KEK_FILE_APP", "KEK_FILE"))
    """to unseal the keys that it signs with"""
    alipay_gateway_url: str
    alipay_timeout_ms: int = Field(default=15_000, ge=100, le=60_000)
    alipay_service_provider_id: str = Field(default="", pattern=r"^(2088\d{12})?$")
    """the service provider's account that every payment begun here is credited to; empty: none.
    An app may have its own"""
    alipay_bill_hosts: str = Field(
        default="dwbillcenter.alipay.com",
        pattern=r"^[A-Za-z0-9.\-]+(:\d{1,5})?(,[A-Za-z0-9.\-]+(:\d{1,5})?)*$",
    )
    """hosts that bill files may be fetched from over HTTPS, besides the gateway itself"""

    sandbox_admin_url: str = ""
    """the admin API of the sandbox at ALIPAY_GATEWAY_URL; set by the local stack only. Without it
    the requests of rehearsal.py are refused"""

    @field_validator("alipay_gateway_url")
    @classmethod
    def _gateway_url(cls, value: str) -> str:
        return _checked(value)

    @model_validator(mode="after")
    def _one_sandbox(self) -> Self:
        """A sandbox beside the real Alipay would show people payments that never happened."""
        if not self.sandbox_admin_url:
            return self
        gateway, admin = urlsplit(self.alipay_gateway_url), urlsplit(self.sandbox_admin_url)
        if gateway.netloc != admin.netloc or not _is_loopback(admin.hostname or ""):
            raise ValueError(
                "SANDBOX_ADMIN_URL is for a sandbox on this machine that is ALIPAY_GATEWAY_URL, too"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
