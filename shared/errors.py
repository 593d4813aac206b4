"""Problems: the errors of all services, independent of any web framework.

    Problem                 500  internal
    ├── InvalidBody         422  invalid_body
    ├── Unauthorized        401  auth.unauthorized
    ├── Forbidden           403  auth.forbidden
    ├── NotFound            404  not_found             missing, or another tenant's: not told apart
    ├── MethodNotAllowed    405  method_not_allowed
    ├── Conflict            409  conflict
    ├── TooLarge            413  body.too_large
    ├── TooMany             429  rate.limited          `retry_after_s` says for how long
    ├── BadGateway          502  upstream.bad_answer
    └── Unavailable         503  unavailable           nothing was changed
        └── PoolFull             upstream.busy

Services subclass these with a code of their own; a code is stable API, a title may be translated.
A business conflict is never a 500, because a 500 raises an alarm.
"""

from typing import Any, ClassVar


class Problem(Exception):
    """An error with a stable code; `shared.web` renders it as RFC 9457 problem+json."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "系统异常，已记录 Something failed on our side; it was recorded."

    def __init__(self, detail: str = "", **extensions: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.extensions = extensions

    def body(self, *, instance: str = "", request_id: str = "") -> dict[str, Any]:
        """The members of the problem document; empty ones are left out."""
        members = {
            "type": f"urn:damselfly:problem:{self.code}", "title": self.title,
            "status": self.status, "code": self.code, "detail": self.detail,
            "instance": instance, "request_id": request_id,
        }  # fmt: skip
        return {name: value for name, value in members.items() if value} | self.extensions


class InvalidBody(Problem):
    status, code = 422, "invalid_body"
    title = "请求内容不符合要求 The request body is not valid."


class Unauthorized(Problem):
    status, code = 401, "auth.unauthorized"
    title = "请先登录或签名 Authentication is required."


class Forbidden(Problem):
    status, code = 403, "auth.forbidden"
    title = "没有此项权限 This account may not do that."


class NotFound(Problem):
    status, code = 404, "not_found"
    title = "没有找到 Nothing here under that name."


class MethodNotAllowed(Problem):
    status, code = 405, "method_not_allowed"
    title = "不支持该方法 This path does not take that method."


class Conflict(Problem):
    status, code = 409, "conflict"
    title = "当前状态不允许此操作 The present state does not allow this."


class TooLarge(Problem):
    status, code = 413, "body.too_large"
    title = "请求体过大 The request body is too large."


class TooMany(Problem):
    status, code = 429, "rate.limited"
    title = "请求过于频繁 Too many requests."


class BadGateway(Problem):
    status, code = 502, "upstream.bad_answer"
    title = "上游应答异常 An upstream service answered badly."


class Unavailable(Problem):
    status, code = 503, "unavailable"
    title = "服务暂不可用，请稍后重试 Temporarily unavailable; please try again."


class PoolFull(Unavailable):
    """All the client's places for this destination are taken: the request was not sent."""

    code = "upstream.busy"
    title = "下游繁忙，请稍后重试 The upstream is busy; please try again."


class NotSent(Exception):
    """The request was not sent: the peer cannot have received it."""


class NoAnswer(Exception):
    """The request may have arrived, but no usable response came back: the outcome is unknown."""
