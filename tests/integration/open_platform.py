"""An egress with an open platform behind it, over real links: one mini program's life, told by
hand. It answers what the real egress answers (outcomes), and can be made to misbehave."""

from collections import Counter

from aiohttp import web

from tests.fixtures.links import LinkFront


def said(outcome="success", *, sub_code=None, sub_msg=None, **data):
    code = {"success": "10000", "unknown": None}.get(outcome, "40004")
    return {"outcome": outcome, "code": code, "sub_code": sub_code, "sub_msg": sub_msg,
            "key_version": 1, "data": data}  # fmt: skip


class Platform:
    """`platform.answers[method] = said(…)` scripts a method, `(status, problem)` a refusal of the
    egress's own; `status[version]` is a version's."""

    def __init__(self):
        self._runner = None
        self.port = 0
        self.forget()

    def forget(self):
        """As it was at first, for the next test."""
        self.calls = Counter()
        self.asked = []
        self.answers = {}
        self.status = {}
        self.shares = {}
        self.domains = []
        self.has_face_pay = True
        self.is_built = True
        self.checked = None
        """called with the body of a key check, which may hold it up"""
        self.held = {}
        """method -> called with the body before it is answered"""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def start(self):
        app = web.Application()
        app.router.add_post("/alipay/{method}", self._take)
        app.router.add_post("/key-check", self._check_key)
        app.router.add_post("/sandbox/{door}", self._rehearse)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._front = LinkFront()
        self.port = await self._front.start(self._runner.addresses[0][1])

    async def stop(self):
        await self._front.stop()
        await self._runner.cleanup()

    async def _take(self, request):
        method = request.match_info["method"]
        body = await request.json()
        self.calls[method] += 1
        self.asked.append((method, body))
        if method in self.held:
            await self.held[method](body)
        answer = self.answers.get(method)
        if isinstance(answer, int):
            return web.json_response({"code": "some.problem"}, status=answer)
        if isinstance(answer, tuple):
            return web.json_response(answer[1], status=answer[0])
        return web.json_response(answer or self._answer(method, body["params"]))

    async def _check_key(self, request):
        """A trade query under one key version: scripted as that."""
        body = await request.json()
        self.calls["/key-check"] += 1
        self.asked.append(("/key-check", body))
        if self.checked is not None:
            await self.checked(body)
        answer = self.answers.get("alipay.trade.query")
        if isinstance(answer, int):
            return web.json_response({"code": "some.problem"}, status=answer)
        if isinstance(answer, tuple):
            return web.json_response(answer[1], status=answer[0])
        return web.json_response(answer or self._answer("alipay.trade.query", body["params"]))

    async def _rehearse(self, request):
        """As behind the real Alipay, unless a test scripts an answer: `answers["apps"] = {…}`."""
        answer = self.answers.get(request.match_info["door"])
        if answer is None:
            absent = {"code": "sandbox.absent", "title": "这里接的不是沙箱 No sandbox."}
            return web.json_response(absent, status=404)
        self.asked.append((request.path, await request.json()))
        return web.json_response(answer)

    def _answer(self, method, params):
        version = params.get("app_version")
        match method.removeprefix("alipay.open.mini."):
            case "alipay.trade.query":
                return said("not_found", sub_code="ACQ.TRADE_NOT_EXIST")
            case "alipay.trade.precreate":
                if not self.has_face_pay:
                    return said("refused", sub_code="ACQ.ACCESS_FORBIDDEN")
                return said(qr_code="https://qr.example/1")
            case "baseinfo.query":
                return said(app_name="豆娘茶铺", safe_domains=self.domains)
            case "safedomain.create":
                self.domains.append(params["safe_domain"])
            case "templatelist.query":
                return said(app_list=[{"mini_app_id": "2021000000009999"}])
            case "version.upload":
                self.status[version] = "INIT"
            case "version.build.query":
                return said(create_status="6" if self.is_built else "1")
            case "version.list.query":
                return said(app_version_infos=[{"app_version": one} for one in self.status])
            case "version.audit.apply":
                self.status[version] = "AUDITING"
            case "version.detail.query":
                return said(
                    status=self.status[version],
                    reject_reason="截图不清晰",
                    gray_strategy=self.shares.get(version),
                )
            case "version.gray.online":
                self.status[version] = "GRAY"
                self.shares[version] = params["gray_strategy"]
            case "version.online":
                self.status[version] = "RELEASE"
        return said()
