"""Events of the binding service: merchants, stores, bound apps, ended sessions, and requests about
a mini program."""

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
    """A merchant takes no new payments from now on, and none of its API keys is valid: caches must
    drop them. Payments and refunds under way are finished."""

    type: ClassVar[str] = "merchant.suspended.v1"
    key_field: ClassVar[str] = "tenant_id"


class MerchantResumed(_BindingEvent):
    """A merchant that was suspended takes payments again, and its API keys are valid again."""

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
    """The binding of a mini program was made or changed (keys rotated, switched on or off)."""

    type: ClassVar[str] = "app.bound.v1"
    key_field: ClassVar[str] = "app_id"

    app_id: str
    seller_id: str
    notify_route: str
    key_version: int
    enabled: bool


class SessionRevoked(_BindingEvent):
    """A console session ended before it expired; caches must drop it."""

    type: ClassVar[str] = "session.revoked.v1"
    key_field: ClassVar[str] = "session_hash"

    session_hash: str


class SessionChanged(_BindingEvent):
    """The permissions of a console session changed (after a step-up, or because acting began or
    ended); caches must look it up again."""

    type: ClassVar[str] = "session.changed.v1"
    key_field: ClassVar[str] = "session_hash"

    session_hash: str


class ApiKeyRevoked(_BindingEvent):
    """The API key of a merchant's own program is revoked for good; caches must drop it."""

    type: ClassVar[str] = "api_key.revoked.v1"
    key_field: ClassVar[str] = "key_id"

    key_id: str


class RoleLeft(_BindingEvent):
    """A person has left a role: the account was disabled or got another role. Unfinished work that
    was started with the permissions of the old role ends."""

    type: ClassVar[str] = "role.left.v1"
    key_field: ClassVar[str] = "user_id"

    user_id: UUID


class PasswordRenewed(_BindingEvent):
    """An account has a new password. Unfinished work that was started under the old one ends,
    because somebody else who knew that password may have started it."""

    type: ClassVar[str] = "password.renewed.v1"
    key_field: ClassVar[str] = "user_id"

    user_id: UUID


ReleaseStep = Literal["upload", "review", "release", "push"]
"""The steps of a mini program's life at Alipay, in their order."""


class ReleaseRequested(_BindingEvent):
    """A request to carry out a step of a mini program at Alipay, or to check it there. It contains
    the present state of the step, so that a consumer without earlier events can continue from
    it."""

    type: ClassVar[str] = "release.requested.v1"
    key_field: ClassVar[str] = "app_id"

    request_id: UUID
    app_id: str
    step: ReleaseStep
    kind: Literal["act", "look", "forget"]
    """act: carry the step out; look: check it; forget: stop the automatic checks, because a person
    has marked the step as done or opened it again"""
    actor: str
    """`user:<id>`, or `platform`"""
    app_version: str = ""
    """the version that the request is about, if it is known"""
    form: dict[str, Any] = Field(default_factory=dict)
    """of an act: the checked inputs of a person"""
    template_id: str = ""
    """of an upload: the template of the version; empty: the only one at Alipay"""
    ext: str = ""
    """of an upload: JSON text, the one file that differs from merchant to merchant"""
    state: str = "todo"
    remedy: str | None = None
    evidence: dict[str, Any] = Field(default_factory=dict)
    """the known state of the step before this request: its state, the remedy, and the facts behind
    it"""
