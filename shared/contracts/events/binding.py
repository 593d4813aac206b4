"""What the binding service says: merchants, stores, bound apps, ended sessions, and what is to be
done about a mini program."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared.contracts.events.base import Event


class _BindingEvent(Event):
    topic: ClassVar[str] = "binding.events"


class MerchantCreated(_BindingEvent):
    """A merchant (a tenant) exists."""

    type: ClassVar[str] = "merchant.created.v1"
    key_field: ClassVar[str] = "tenant_id"

    name: str


class MerchantSuspended(_BindingEvent):
    """A merchant takes no new payments from now on, and none of its API keys counts: caches of them
    must go. What is under way goes on."""

    type: ClassVar[str] = "merchant.suspended.v1"
    key_field: ClassVar[str] = "tenant_id"


class MerchantResumed(_BindingEvent):
    """A merchant that was suspended takes payments again, and its API keys count as before."""

    type: ClassVar[str] = "merchant.resumed.v1"
    key_field: ClassVar[str] = "tenant_id"


class StoreCreated(_BindingEvent):
    """A store of a merchant exists."""

    type: ClassVar[str] = "store.created.v1"
    key_field: ClassVar[str] = "store_id"

    store_id: UUID
    name: str


class StoreRenamed(_BindingEvent):
    """A store has another name."""

    type: ClassVar[str] = "store.renamed.v1"
    key_field: ClassVar[str] = "store_id"

    store_id: UUID
    name: str


class AppBound(_BindingEvent):
    """A mini program's binding is new or changed (keys rotated, switched on or off)."""

    type: ClassVar[str] = "app.bound.v1"
    key_field: ClassVar[str] = "app_id"

    app_id: str
    seller_id: str
    notify_route: str
    key_version: int
    enabled: bool


class SessionRevoked(_BindingEvent):
    """A console session ended before its time; caches of it must go."""

    type: ClassVar[str] = "session.revoked.v1"
    key_field: ClassVar[str] = "session_hash"

    session_hash: str


class SessionChanged(_BindingEvent):
    """A console session may do other things than before (its password was asked for again, or
    acting began or ended); caches of it must ask again."""

    type: ClassVar[str] = "session.changed.v1"
    key_field: ClassVar[str] = "session_hash"

    session_hash: str


class ApiKeyRevoked(_BindingEvent):
    """A key of a merchant's own program counts no longer, for good; caches of it must go."""

    type: ClassVar[str] = "api_key.revoked.v1"
    key_field: ClassVar[str] = "key_id"

    key_id: str


class RoleLeft(_BindingEvent):
    """A person has left a role: disabled, or of another role from now on. What they began with its
    power and is not done yet ends."""

    type: ClassVar[str] = "role.left.v1"
    key_field: ClassVar[str] = "user_id"

    user_id: UUID


class PasswordRenewed(_BindingEvent):
    """An account has a new password: what was begun under the former one, by whoever knew it, and
    is not done yet ends."""

    type: ClassVar[str] = "password.renewed.v1"
    key_field: ClassVar[str] = "user_id"

    user_id: UUID


ReleaseStep = Literal["upload", "review", "release", "push"]
"""The life of a mini program at Alipay, in the order in which one goes through it."""


class ReleaseRequested(_BindingEvent):
    """Something is to be done about a mini program at Alipay, or looked at there. What is known of
    the step comes along, so that whoever hears it for the first time goes on from there."""

    type: ClassVar[str] = "release.requested.v1"
    key_field: ClassVar[str] = "app_id"

    request_id: UUID
    app_id: str
    step: ReleaseStep
    kind: Literal["act", "look", "forget"]
    """forget: a person has settled it, or opened it again; nobody needs to look any longer"""
    actor: str
    """`user:<id>`, or `platform`"""
    app_version: str = ""
    """the version it is about, as far as it is known"""
    form: dict[str, Any] = Field(default_factory=dict)
    """of an act: what people typed, checked"""
    template_id: str = ""
    """of an upload: what the version is made from; empty: the only template there is"""
    ext: str = ""
    """of an upload: JSON text, the one file that differs from merchant to merchant"""
    state: str = "todo"
    remedy: str | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)
    """the step as it was known before: its state, what is to be done about it, what was seen"""
