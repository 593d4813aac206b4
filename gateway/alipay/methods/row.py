"""What one row of the method table says, and how an answer is judged by it.

A sub_code that a row does not list is UNKNOWN, never a failure (alipay-protocol.md §4). The rows
themselves stand in trade, bills, authorisation, mini_program and devices; `table` puts them
together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from gateway.alipay.protocol.envelope import AlipayResponse
from shared.contracts.egress import Outcome

Retry = Literal["never", "same_request", "free"]
"""After `unknown`: never send it again, send exactly the same again, or ask as often as wanted."""

Text = Annotated[str, Field(min_length=1, max_length=1024)]
"""A text that says something; empty ones are never sent, because clients sign them differently."""


class Params(BaseModel):
    """A method's parameters: exactly these, of exactly these types. Only strings go out (lists
    and objects of strings): other types are written differently by every client."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    def biz_content(self) -> dict[str, Any]:
        """What is sent; amounts in yuan."""
        return self.model_dump(exclude_none=True, mode="json")


class ResponseData(BaseModel):
    """What a verified answer may say, read leniently: members that are not listed are left out,
    numbers become text, and what is absent is None."""

    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


def _as_word(value: Any) -> Any:
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


Flag = Annotated[str | None, BeforeValidator(_as_word)]
"""the platform writes some booleans as words, some as JSON"""


class Nothing(ResponseData):
    """The answer has no member of its own: that it was given is all it says."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What the caller is told."""

    outcome: Outcome
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    """why an outcome is unknown: a stable word for logs and counters"""


class UnusableResponse(Exception):
    """Verified, and yet not an answer to what was asked; says why in a stable word."""


Success = Callable[[AlipayResponse, Any], dict[str, Any]]


def reads(shape: type[ResponseData], *needed: str) -> Success:
    """The success of a method whose answer is `shape` and useless without `needed`."""

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
    """sub_codes after which surely nothing was done; the list is closed"""
    retry: Retry
    timeout_s: float
    missing: frozenset[str] = frozenset()
    """sub_codes that say that what was asked about does not exist"""
    echoes: tuple[str, ...] = ()
    """parameters that the answer repeats: with another value, or without, it is not about this.
    Without any, only the node's name binds the answer; nothing of value may then hang on it"""
    may_omit_echo: Callable[[AlipayResponse], bool] = _never
    """successes that say nothing, not even that"""
    refusal_echoes: bool = False
    """Alipay repeats the echoes in its refusals of this method, so one without is not ours"""
    is_payment: bool = False
    """begins a payment: takes a notify_url and the provider's number, and needs an enabled app"""
    may_be_in_process: bool = False
    """may answer 10003"""
    for_merchant: bool = True
    """takes a merchant's app_auth_token, when an ISV's app acts for it"""
    is_flat: bool = False
    """its parameters stand beside biz_content, not inside"""
    takes_files: bool = False
    """its parameters may hold pictures, which travel as multipart beside the signed texts"""
    gateway_refusals: frozenset[str] = frozenset()
    """sub_codes under the gateway's own codes (40002…) that are about this question, not about
    our set-up; believed only when signed"""
    may_omit_code: bool = False
    """answers a success without a code"""


def prefixed(names: str, prefix: str = "ACQ.") -> frozenset[str]:
    """ "A B" -> {"ACQ.A", "ACQ.B"}."""
    return frozenset(prefix + name for name in names.split())


def judge(method: Method, response: AlipayResponse, params: Any) -> CallResult:
    """The outcome of a call: only a verified answer to exactly this question decides anything."""
    if response.is_verified and response.sub_code in method.gateway_refusals:
        return CallResult("refused")
    if response.is_config_error:
        return CallResult("config_error")
    mismatch = _mismatch(method, response, params)
    if mismatch:
        return CallResult("unknown", reason=mismatch)
    match response.code:
        case "40004":
            return _refusal(method, response)
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
    """Why this is no answer to what was asked; empty when it is one."""
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
    """Whether this method may answer with this code."""
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


def _refusal(method: Method, response: AlipayResponse) -> CallResult:
    if response.sub_code in method.missing:
        return CallResult("not_found")
    if response.sub_code in method.refusals:
        return CallResult("refused")
    return CallResult("unknown", reason="sub_code")
