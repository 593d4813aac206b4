"""alipay.open.mini.*: what a mini program is, apart from its versions; its members, its domains."""

import re

from deploy.sandbox.alipay.apps.calls import Call
from deploy.sandbox.alipay.platform import accounts, templates
from deploy.sandbox.alipay.platform.accounts import MiniApp
from deploy.sandbox.alipay.wire.envelope import Node, success
from deploy.sandbox.alipay.wire.refusals import Refused
from deploy.sandbox.kit.clock import beijing
from deploy.sandbox.kit.ledger import Tx

DOMAINS = 30
TEXTS = (
    ("app_name", 3, 30),
    ("app_english_name", 3, 30),
    ("app_slogan", 10, 32),
    ("app_desc", 20, 400),
    ("service_phone", 5, 32),
    ("service_email", 5, 128),
    ("category_names", 1, 200),
    ("app_category_ids", 1, 200),
)
ROLES = ("DEVELOPER", "EXPERIENCER")
CATEGORIES = (
    ("XS1001", "", "商业服务", False),
    ("XS1002", "XS1001", "收银/支付工具", False),
    ("XS2001", "", "零售", False),
    ("XS2002", "XS2001", "超市便利店", False),
    ("XS2003", "XS2001", "食品生鲜", True),
    ("XS3001", "", "餐饮", False),
    ("XS3002", "XS3001", "餐饮门店", True),
)
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}")


def _mine(tx: Tx, call: Call) -> MiniApp:
    return accounts.require(tx, call.owner.app_id)


def baseinfo_query(tx: Tx, call: Call) -> Node:
    mini = _mine(tx, call)
    return success(
        app_name=mini.app_name,
        app_english_name=mini.app_english_name,
        app_slogan=mini.app_slogan,
        app_logo=mini.app_logo,
        app_desc=mini.app_desc,
        category_names=mini.category_names,
        service_phone=mini.service_phone,
        service_email=mini.service_email,
        safe_domains=mini.safe_domains,
        package_names=["基础JSAPI能力包", "小程序支付"],
        registration_limit_release=False,
    )


def baseinfo_modify(tx: Tx, call: Call) -> Node:
    mini = _mine(tx, call)
    take_texts(call, mini)
    accounts.save(tx, mini)
    return success(modify_status="SUCCESS")


def take_texts(call: Call, mini: MiniApp) -> None:
    """Those that were sent; each within the lengths of the form in the console."""
    for name, least, most in TEXTS:
        value = call.text(name, most)
        if not value:
            continue
        if len(value) < least:
            raise Refused(call.invalid, f"{name}长度须为{least}至{most}")
        setattr(mini, "category_names" if name == "app_category_ids" else name, value)


def name_check(tx: Tx, call: Call) -> Node:
    name = call.text("app_name", 64, is_needed=True)
    others = (mini for mini in accounts.list_all(tx) if mini.app_id != call.owner.app_id)
    if not 3 <= len(name) <= 30:
        return success(check_code="APP_NAME_INVALID", check_memo="名称长度须为3至30")
    if any(mini.app_name == name for mini in others):
        return success(check_code="APP_NAME_REPEATED", check_memo="名称已被使用")
    return success(check_code="SUCCESS", check_memo="")


def category_query(tx: Tx, call: Call) -> Node:
    parents = {parent for _, parent, _, _ in CATEGORIES}
    return success(
        mini_category_list=[
            {
                "category_id": category_id,
                "category_name": name,
                "parent_category_id": parent,
                "has_child": category_id in parents,
                "need_license": is_licensed,
            }
            for category_id, parent, name, is_licensed in CATEGORIES
        ]
    )


def safedomain_create(tx: Tx, call: Call) -> Node:
    """Only versions uploaded afterwards see it; one list serves all ends."""
    mini = _mine(tx, call)
    domain = _domain(call)
    if domain not in mini.safe_domains:
        if len(mini.safe_domains) >= DOMAINS:
            raise Refused("SAFE_DOMAIN_LIMIT")
        mini.safe_domains.append(domain)
        accounts.save(tx, mini)
    return success()


def safedomain_delete(tx: Tx, call: Call) -> Node:
    mini = _mine(tx, call)
    domain = _domain(call)
    if domain not in mini.safe_domains:
        raise Refused("SAFE_DOMAIN_NOT_EXIST")
    mini.safe_domains.remove(domain)
    accounts.save(tx, mini)
    return success()


def _domain(call: Call) -> str:
    """A host without port, path or IP address; https:// in front is forgiven."""
    text = call.text("safe_domain", 256, is_needed=True).strip().lower()
    domain = text.removeprefix("https://").rstrip("/")
    if _DOMAIN.fullmatch(domain) is None:
        raise Refused("SAFE_DOMAIN_INVALID")
    return domain


def members_create(tx: Tx, call: Call) -> Node:
    mini = _mine(tx, call)
    logon_id = call.text("logon_id", 100, is_needed=True)
    role = call.text("role", 20, is_needed=True)
    if role not in ROLES:
        raise Refused(call.invalid, "role不支持")
    if any(one["logon_id"] == logon_id and one["role"] == role for one in mini.members):
        raise Refused("MEMBER_EXIST")
    mini.members.append(
        {
            "logon_id": logon_id,
            "nick_name": logon_id.split("@")[0][:20],
            "role": role,
            "status": "VALID",
            "gmt_join": beijing(tx.now_ms),
        }
    )
    accounts.save(tx, mini)
    return success()


def members_query(tx: Tx, call: Call) -> Node:
    role = call.text("role", 20)
    members = [one for one in _mine(tx, call).members if not role or one["role"] == role]
    return success(app_member_info_list=members)


def members_delete(tx: Tx, call: Call) -> Node:
    mini = _mine(tx, call)
    logon_id = call.text("logon_id", 100, is_needed=True)
    kept = [one for one in mini.members if one["logon_id"] != logon_id]
    if len(kept) == len(mini.members):
        raise Refused("MEMBER_NOT_EXIST")
    mini.members = kept
    accounts.save(tx, mini)
    return success()


METHODS = {
    "alipay.open.mini.baseinfo.query": baseinfo_query,
    "alipay.open.mini.baseinfo.modify": baseinfo_modify,
    "alipay.open.mini.baseinfo.name.check": name_check,
    "alipay.open.mini.category.query": category_query,
    "alipay.open.mini.safedomain.create": safedomain_create,
    "alipay.open.mini.safedomain.delete": safedomain_delete,
    "alipay.open.app.members.create": members_create,
    "alipay.open.app.members.query": members_query,
    "alipay.open.app.members.delete": members_delete,
    "alipay.open.mini.templatelist.query": templates.list_query,
    "alipay.open.mini.template.usage.query": templates.usage_query,
}
