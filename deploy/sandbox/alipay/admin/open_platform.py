"""Admin interface, second part: what people do at the open platform's consoles, and buyers.

Each action is one transaction: it happens completely or not at all.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from deploy.sandbox.alipay.admin import books, devices
from deploy.sandbox.alipay.books import timing, trade_row
from deploy.sandbox.alipay.platform import (
    accounts,
    agent,
    authorisation,
    messages,
    mini,
    releases,
    templates,
)
from deploy.sandbox.alipay.platform.releases import Status
from deploy.sandbox.alipay.trade import bills, precreate
from deploy.sandbox.alipay.wire.refusals import Refused, text_of
from deploy.sandbox.kit.delivery import Delivery
from deploy.sandbox.kit.ledger import Ledger, Tx
from deploy.sandbox.kit.local_admin import AdminError, Handler, read_body

FORWARD_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class Command:
    """One call: what follows its name in the path, its query, its JSON body."""

    rest: str
    query: Mapping[str, str]
    body: dict[str, Any]

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise AdminError(400, f"{name} is missing")
        return value


Action = Callable[[Tx, Command], dict[str, Any]]


def _apps(tx: Tx, command: Command) -> dict[str, Any]:
    if not command.rest:
        return {"apps": [accounts.shown(one) for one in accounts.list_all(tx)]}
    found = accounts.find(tx, command.rest)
    if found is None:
        raise AdminError(404, f"no app {command.rest}")
    return {
        **accounts.shown(found),
        "versions": [releases.shown(tx, one) for one in releases.all_of(tx, found.app_id)],
        "authorised_to": authorisation.isvs_of(tx, found.app_id),
        "messages": messages.sent(tx, found.app_id),
    }


def _set_app(tx: Tx, command: Command) -> dict[str, Any]:
    """Texts, the IoT end, 当面付, the messages' address; an unknown app_id is made."""
    if command.rest and not (
        command.rest.isascii() and command.rest.isdigit() and len(command.rest) <= 32
    ):
        raise AdminError(400, "app_id must be a text of digits")
    one = accounts.create(tx, command.rest or None)
    body = command.body
    for name, attribute in (("facetoface", "has_facetoface"), ("iot_enabled", "is_iot_enabled")):
        if name in body:
            if not isinstance(body[name], bool):
                raise AdminError(400, f"{name} must be true or false")
            setattr(one, attribute, body[name])
    if "messages_url" in body:
        url = body["messages_url"] or ""
        if not isinstance(url, str) or (url and not url.startswith(("http://", "https://"))):
            raise AdminError(400, "messages_url must be an http(s) address")
        one.messages_url = url
    for name, _, most in mini.TEXTS:
        if name in body and name != "app_category_ids":
            setattr(one, name, str(body[name])[:most])
    accounts.save(tx, one)
    return accounts.shown(one)


def _reviews(tx: Tx, command: Command) -> dict[str, Any]:
    rows = tx.all("SELECT DISTINCT app_id FROM mini_versions WHERE status = ?", Status.AUDITING)
    found = [one for row in rows for one in releases.all_of(tx, row["app_id"])]
    waiting = [one for one in found if one.status == Status.AUDITING]
    return {"reviews": [releases.shown(tx, one) for one in waiting]}


def _version(tx: Tx, command: Command) -> releases.Version:
    bundle = command.body.get("bundle_id") or accounts.IOT
    version = releases.find(tx, command.text("app_id"), str(bundle), command.text("app_version"))
    if version is None:
        raise AdminError(404, "no such version")
    return version


def _review(tx: Tx, command: Command) -> dict[str, Any]:
    version, result = _version(tx, command), command.body.get("result")
    if result not in ("passed", "base_passed", "rejected"):
        raise AdminError(400, "result must be passed, base_passed or rejected")
    if version.status != Status.AUDITING:
        raise AdminError(409, f"the version is {version.status}")
    releases.end_audit(tx, version, str(result), str(command.body.get("reason") or ""))
    return releases.shown(tx, version)


def _force_offline(tx: Tx, command: Command) -> dict[str, Any]:
    version = _version(tx, command)
    if version.status not in {Status.RELEASE, Status.GRAY}:
        raise AdminError(409, f"the version is {version.status}")
    version.status = Status.AUDIT_OFFLINE
    version.reject_reason = str(command.body.get("reason") or "")
    version.times["offline"] = tx.now_ms
    releases.save(tx, version)
    return releases.shown(tx, version)


def _templates(tx: Tx, command: Command) -> dict[str, Any]:
    isv = command.query.get("isv_app_id", "")
    if accounts.find(tx, isv) is None:
        raise AdminError(404, f"no app {isv}")
    return {"templates": [templates.shown(one) for one in templates.of_isv(tx, isv)]}


def _set_template(tx: Tx, command: Command) -> dict[str, Any]:
    """A version with a status; a new template_id makes a new template."""
    isv, number = command.text("isv_app_id"), str(command.body.get("template_version") or "0.0.1")
    if accounts.find(tx, isv) is None:
        raise AdminError(404, f"no app {isv}")
    if not all(part.isascii() and part.isdigit() for part in number.split(".")):
        raise AdminError(400, "template_version must be x.y.z")
    known = templates.of_isv(tx, isv)
    template_id = str(command.body.get("template_id") or known[0].template_id)
    template = next((one for one in known if one.template_id == template_id), None)
    if template is None:
        template = templates.Template(template_id, isv, versions={})
    template.versions[number] = str(command.body.get("status") or templates.ONLINE)
    templates.save(tx, template)
    return templates.shown(template)


def _authorise(tx: Tx, command: Command) -> dict[str, Any]:
    isv, methods = command.text("isv_app_id"), command.body.get("methods")
    if tx.one("SELECT 1 FROM apps WHERE app_id = ?", isv) is None:
        raise AdminError(404, f"no registered app {isv}")
    if methods is not None and not isinstance(methods, list):
        raise AdminError(400, "methods must be a list of method names, or absent for all")
    auth_app_id = command.body.get("auth_app_id")
    if auth_app_id is not None and not (isinstance(auth_app_id, str) and auth_app_id.isdigit()):
        raise AdminError(400, "auth_app_id must be a text of digits")
    return authorisation.issue_code(tx, isv, auth_app_id, methods)


def _revoke(tx: Tx, command: Command) -> dict[str, Any]:
    query = command.query
    return {
        "revoked": authorisation.revoke(
            tx, query.get("isv_app_id", ""), query.get("auth_app_id", "")
        )
    }


def _decide(tx: Tx, command: Command) -> dict[str, Any]:
    batch = agent.find(tx, command.text("batch_no"))
    if batch is None:
        raise AdminError(404, "no such batch")
    agent.decide(tx, batch, str(command.body.get("step")), str(command.body.get("reason") or ""))
    return {"batches": agent.list_all(tx)}


def _newest_trades(tx: Tx, command: Command) -> dict[str, Any]:
    """For the page: the newest hundred, newest first, and how many there are."""
    total = tx.one("SELECT count(*) FROM trades")
    rows = tx.all("SELECT * FROM trades ORDER BY created_ms DESC LIMIT 100")
    found = [books.shown(trade_row.from_row(row), {}) for row in rows]
    return {"trades": found, "total": total[0] if total is not None else 0}


def _buyer_pays(tx: Tx, command: Command) -> dict[str, Any]:
    trade = precreate.buyer_pays(tx, command.body)
    return books.shown(trade, {})


def _buyer_code(tx: Tx, command: Command) -> dict[str, Any]:
    buyer = command.body.get("buyer_id")
    if buyer is not None and not (isinstance(buyer, str) and buyer.isdigit() and len(buyer) == 16):
        raise AdminError(400, "buyer_id must be 16 digits")
    app_id = command.text("app_id")
    if accounts.find(tx, app_id) is None:
        raise AdminError(404, f"no app {app_id}")
    return authorisation.issue_buyer_code(tx, app_id, int(buyer[4:]) if buyer else None)


def _bills(tx: Tx, command: Command) -> dict[str, Any]:
    kinds = [{"kind": kind, "does": line} for kind, line in bills.PLANTS.items()]
    planted = bills.planted(tx, command.query.get("app_id"))
    return {**bills.settings(tx), "plants": planted, "kinds": kinds}


def _clear_plants(tx: Tx, command: Command) -> dict[str, Any]:
    app_id = command.query.get("app_id")
    count = len(bills.planted(tx, app_id))
    tx.execute("DELETE FROM bill_plants WHERE ?1 IS NULL OR app_id = ?1", app_id)
    return {"deleted": count}


_ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "platform/apps"): _apps,
    ("POST", "platform/apps"): _set_app,
    ("GET", "platform/reviews"): _reviews,
    ("POST", "platform/reviews"): _review,
    ("POST", "platform/offline"): _force_offline,
    ("GET", "platform/timing"): lambda tx, command: timing.read(tx),
    ("POST", "platform/timing"): lambda tx, command: timing.write(tx, command.body),
    ("GET", "platform/templates"): _templates,
    ("POST", "platform/templates"): _set_template,
    ("POST", "platform/authorise"): _authorise,
    ("DELETE", "platform/authorise"): _revoke,
    ("GET", "platform/agents"): lambda tx, command: {"batches": agent.list_all(tx)},
    ("POST", "platform/agents"): _decide,
    ("GET", "platform/devices"): lambda tx, command: devices.listed(tx, command.query),
    ("POST", "platform/devices"): lambda tx, command: devices.change(
        tx, command.rest, command.body
    ),
    ("POST", "platform/transfer"): lambda tx, command: devices.transfer(tx, command.body),
    ("GET", "platform/distribution"): lambda tx, command: devices.card(tx, command.query),
    ("POST", "platform/distribution"): lambda tx, command: devices.distribute(tx, command.body),
    ("GET", "platform/trades"): _newest_trades,
    ("POST", "buyers/pay"): _buyer_pays,
    ("POST", "buyers/auth_code"): _buyer_code,
    ("GET", "bills"): _bills,
    ("POST", "bills/plants"): lambda tx, command: bills.plant(
        tx, command.text("app_id"), command.body
    ),
    ("DELETE", "bills/plants"): _clear_plants,
    ("POST", "bills/settings"): lambda tx, command: bills.set_settings(tx, command.body),
}


class PlatformAdmin:
    def __init__(self, ledger: Ledger, delivery: Delivery) -> None:
        self._ledger = ledger
        self._delivery = delivery

    def routes(self) -> dict[tuple[str, str], Handler]:
        """By verb and first word of the path, as the admin interface dispatches."""
        return {
            (verb, name.partition("/")[0]): self._handler(name.partition("/")[0])
            for verb, name in [*_ACTIONS, ("POST", "platform/clock")]
        }

    def _handler(self, first: str) -> Handler:
        async def handle(request: web.BaseRequest, rest: str) -> Any:
            second, _, more = rest.partition("/")
            name = f"{first}/{second}" if second else first
            body = await read_body(request)
            if (request.method, name) == ("POST", "platform/clock"):
                return await self._forward(body)
            action = _ACTIONS.get((request.method, name))
            if action is None:
                raise AdminError(404, f"no {request.method} {request.path}")
            command = Command(more, request.query, body)
            try:
                return {"schema": 1, **await self._ledger.do(lambda tx: action(tx, command))}
            except Refused as refused:
                raise AdminError(409, text_of(refused.sub_code, refused.detail)) from None
            except ValueError as error:
                raise AdminError(400, str(error)) from None

        return handle

    async def _forward(self, body: dict[str, Any]) -> Any:
        """A jump of the scaled clock; everything that became due happens at once."""
        seconds = body.get("forward_s")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise AdminError(400, "forward_s must be a number of seconds")
        if not 0 <= seconds <= FORWARD_S:
            raise AdminError(400, f"forward_s must be from 0 to {FORWARD_S}")
        clock = self._delivery.clock
        clock.forward(int(seconds * 1000))
        await self._delivery.set_scale(clock.scale)
        return {"schema": 1, "scale": clock.scale, "now_ms": clock.now()}


async def bill_file(ledger: Ledger, request: web.BaseRequest) -> web.Response:
    """The file behind a bill_download_url, which is valid for 30 seconds."""
    file_id = request.query.get("fileId", "")
    found = await asyncio.to_thread(bills.file_of, ledger, file_id)
    if found is None:
        return web.Response(status=403, text="the address has expired")
    name, content = found
    return web.Response(
        body=content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
