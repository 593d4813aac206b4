"""One row of the method table, and how a response is judged by it.

A sub_code that a row does not list is UNKNOWN, never a failure (alipay-protocol.md §4). The rows
are in trade, bills, authorisation, mini_program and devices; `table` combines them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.alipay.protocol.envelope import AlipayResponse
from shared.contracts.egress import Outcome

Retry = Literal["never", "same_request", "free"]
"""After `unknown`: never send it again, send exactly the same again, or repeat as often as
needed."""

Text = Annotated[str, Field(min_length=1, max_length=1024)]
"""A non-empty text; empty ones are never sent, because clients sign them differently."""


class Params(BaseModel):
    """A method's parameters: exactly these, of exactly these types. Only strings go out (lists
    and objects of strings): other types are written differently by every client."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def biz_content(self) -> dict[str, Any]:
        """What is sent; amounts in yuan."""
        return self.model_dump(exclude_none=True, mode="json")


class ResponseData(BaseModel):
    """The members of a verified response, read leniently: members that are not listed are left out,
    numbers become text, and an absent member is None."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


def _as_word(value: Any) -> Any:
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


Flag = Annotated[str | None, BeforeValidator(_as_word)]
"""the platform sends some booleans as words, some as JSON"""


class Nothing(ResponseData):
    """A response without members of its own; only its success matters."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of a call, as reported to the caller."""

    outcome: Outcome
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """why an outcome is unknown: a stable word for logs and counters"""


class UnusableResponse(Exception):
    """Verified, but not a usable response to this request; the message is a stable word."""


Success = Callable[[AlipayResponse, Any], dict[str, Any]]


def reads(shape: type[ResponseData], *needed: str) -> Success:
    """The success reader of a method whose response is `shape` and needs the members `needed`."""

    def read(response: AlipayResponse, _params: Any) -> dict[str, Any]:
        try:
            data = shape.model_validate(dict(response.members)).model_dump(mode="json")
        except ValidationError:
            raise UnusableResponse("shape") from None
        if not all(data[name] for name in needed):
            raise UnusableResponse("incomplete")
        return data

    return read


def _never(_response: AlipayResponse) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Method:
    """One row: everything this code base knows about one API method."""

    name: str
    params: type[Params]
    success: Success
    refusals: frozenset[str]
    """sub_codes after which certainly nothing was done; the list is closed"""
    retry: Retry
    timeout_s: float
    missing: frozenset[str] = frozenset()
    """sub_codes that mean that the object of the request does not exist"""
    echoes: tuple[str, ...] = ()
    """parameters that the response repeats. If one is missing or has another value, the response is
    about something else. Without any, only the node's name ties the response to the request, so
    nothing of value may depend on it"""
    may_omit_echo: Callable[[AlipayResponse], bool] = _never
    """successes that may lack even the echoes"""
    refusal_echoes: bool = False
    """Alipay also repeats the echoes in refusals of this method, so a refusal without is not
    ours"""
    is_payment: bool = False
    """begins a payment: takes a notify_url and the provider's number, and needs an enabled app"""
    may_be_in_process: bool = False
    """code 10003 is expected"""
    for_merchant: bool = True
    """takes a merchant's app_auth_token, if an ISV's app acts for the merchant"""
    is_flat: bool = False
    """its parameters are sent beside biz_content, not inside"""
    takes_files: bool = False
    """its parameters may hold pictures, which are sent as multipart beside the signed texts"""
    gateway_refusals: frozenset[str] = frozenset()
    """sub_codes under the gateway's own codes (40002…) that concern this request, not our
    configuration; accepted only when signed"""
    may_omit_code: bool = False
    """a success may come without a code"""


def prefixed(names: str, prefix: str = "ACQ.") -> frozenset[str]:
    """ "A B" -> {"ACQ.A", "ACQ.B"}."""
    return frozenset(prefix + name for name in names.split())


def judge(method: Method, response: AlipayResponse, params: Any) -> CallResult:
    """The result of a call: only a verified response to exactly this request decides anything."""
    if response.is_verified and response.sub_code in method.gateway_refusals:
        return CallResult("refused")
    if response.is_config_error:
        return CallResult("config_error")
    mismatch = _mismatch(method, response, params)
    if mismatch:
        return CallResult("unknown", reason=mismatch)
    match response.code:
        case "40004":
            return _judged_refusal(method, response)
        case "10003":
            return CallResult("in_process")
        case _:
            return _success(method, response, params)


def _success(method: Method, response: AlipayResponse, params: Any) -> CallResult:
    try:
        return CallResult("success", method.success(response, params))
    except UnusableResponse as error:
        return CallResult("unknown", reason=str(error))


def _mismatch(method: Method, response: AlipayResponse, params: Any) -> str:
    """Why the response does not match the request; empty when it does."""
    if not response.is_verified:
        return response.reason
    if response.is_fault_node:
        return "fault_node"
    for name in method.echoes:
        named = response.text(name)
        if named and named != getattr(params, name):
            return "other_order"
        if not named and not _may_omit_echo(method, response):
            return "no_order"
    return "" if _is_expected_code(method, response) else "code"


def _is_expected_code(method: Method, response: AlipayResponse) -> bool:
    """Whether this method's response may have this code."""
    match response.code:
        case "10000" | "40004":
            return True
        case "10003":
            return method.may_be_in_process
        case "":
            return method.may_omit_code and not response.sub_code
        case _:
            return False


def _may_omit_echo(method: Method, response: AlipayResponse) -> bool:
    if response.code == "40004":
        return not method.refusal_echoes
    return method.may_omit_echo(response)


def _judged_refusal(method: Method, response: AlipayResponse) -> CallResult:
    if response.sub_code in method.missing:
        return CallResult("not_found")
    if response.sub_code in method.refusals:
        return CallResult("refused")
    return CallResult("unknown", reason="sub_code")
