"""The onboarding map as data: every step and sub-step of opening face pay, in the order in which a
merchant does them, and the texts of the page about each. `seed` names the source manual's rows. A
row's number is the manual's; the page shows the rows on four cards (`CARDS`).

The kinds of rows: `auto` rows are carried out over the open platform's API, `check` rows are
checked, and `manual` rows only the merchant can mark as done. See alipay-iot.md §5.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from shared.contracts.events.binding import ReleaseStep

Kind = Literal["auto", "check", "manual"]
State = Literal["todo", "running", "done", "failed", "skipped", "blocked"]
FieldKind = Literal["text", "textarea", "choice", "serials"]
SERIALS_MAX = 100
"""The most devices in one push."""


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Field:
    """One form field of a row that is carried out; lengths in characters."""

    name: str
    label: Words
    kind: FieldKind = "text"
    is_required: bool = True
    min: int = 1
    max: int = 64
    choices: tuple[str, ...] = ()
    value: str = ""
    pattern: str = ""
    """the form of the whole text, or of each serial number: the rule of the egress's method"""
    hint: Words | None = None
    """the pattern and the lengths in words"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the checklist; `row` is the manual's number, `code` its stable name."""

    row: str
    code: str
    kind: Kind
    title: Words
    help: Words
    where_url: str | None = None
    needs: tuple[str, ...] = ()
    """rows that must be done first; until then this one is blocked"""
    form: tuple[Field, ...] = ()
    is_known_from_binding: bool = False
    """whether it is not needed for a mini program that is bound already (S17)"""
    is_optional: bool = False
    """only needed with Alipay's own tool: never the next row, and not part of the percentage"""
    seed: str = ""
    """the source manual's rows that this row covers (docs/coverage.md)"""

    @property
    def step(self) -> int:
        return int(self.row[0])


STEPS: Mapping[int, tuple[str, Words]] = {
    0: ("face_to_face", Words("开通当面付", "Face-to-face pay")),
    1: ("mini_program", Words("小程序与 IoT 端", "A mini program that runs on IoT devices")),
    2: ("binding", Words("绑定小程序与密钥", "Bind it here, with its keys")),
    3: ("upload", Words("上传代码包", "Upload the package")),
    4: ("review", Words("提交审核并上架", "Review and release")),
    5: ("devices", Words("安装到蜻蜓设备", "Install on devices")),
}

CARDS: tuple[tuple[str, Words, tuple[str, ...]], ...] = (
    ("account", Words("账号与当面付", "Account and face-to-face pay"), ("1.1", "0.1")),
    ("keys", Words("密钥", "Keys"), ("1.2", "2.2", "2.3")),
    ("program", Words("小程序", "Mini program"),
     ("1.3", "2.1", "3.3", "2.4", "3.1", "3.2", "4.1", "4.2")),
    ("devices", Words("门店与设备", "Store and device"), ("5.0", "5.1", "5.2")),
)  # fmt: skip
"""The rows on four cards, in the order of the page."""

_CONSOLE = "https://open.alipay.com/develop/manage"
_MERCHANT_CENTRE = "https://b.alipay.com/signing/productSetV2.htm"
_REVIEW_FORM = (
    Field("app_english_name", Words("英文名称", "English name"), min=3, max=30),
    Field("app_slogan", Words("小程序简介", "Short introduction"), min=10, max=32),
    Field("app_desc", Words("小程序描述", "Description"), "textarea", min=20, max=200),
    Field("service_phone", Words("客服电话", "Service phone"), min=5, max=20,
          pattern=r"^[0-9+ \-]{5,20}$",
          hint=Words("数字、空格、+ 和 -，5–20 位", "Digits, spaces, + and -, 5–20 of them")),
    Field("version_desc", Words("版本描述", "What is new"), "textarea", min=30, max=500),
    Field("memo", Words("备注：适用机型与操作步骤", "Notes: device models, how to operate"),
          "textarea", is_required=False, max=500),
)  # fmt: skip

ROWS: tuple[Row, ...] = (
    Row(
        "1.1", "enterprise_account", "manual",
        Words("使用企业支付宝账号登录开放平台", "Sign in with an enterprise Alipay account"),
        Words(
            "登录支付宝开放平台，进入 开发者中心 > 小程序。必须是企业账号，个人账号不能开通。"
            "收款始终进入该账号；设备的签约权只决定返佣归谁。",
            "Sign in to the Alipay open platform, then developer centre > mini programs. It "
            "must be "
            "an enterprise account. The money always lands in this account; who holds a device's "
            "contract only decides who gets Alipay's rebate.",
        ),
        _CONSOLE, is_known_from_binding=True,
        seed="S5 S18 S19 S114 S115",
    ),
    Row(
        "1.2", "mini_program", "check",
        Words("创建支付宝小程序", "Create a mini program at Alipay"),
        Words(
            "按页面提示填写名称、英文名（3–30）、简介（10–32）、图标、行业、描述（20–200）和客服"
            "电话即可创建，创建后得到 AppID。已有小程序的直接使用它的 AppID。",
            "Fill in name, English name (3–30), introduction (10–32), logo, industry, description "
            "(20–200) and service phone; the AppID appears after that. If you have a mini program "
            "already, use its AppID.",
        ),
        _CONSOLE, is_known_from_binding=True,
        seed="S6 S17 S21 S22",
    ),
    Row(
        "1.3", "iot_enabled", "manual",
        Words("开通 IoT 端", "Enable it for IoT devices"),
        Words(
            "小程序 > 设置 > 多端发布支持，在“支付宝 IoT”一行点击“开通”。",
            "Mini program > settings > multi-end release: press enable in the row “Alipay IoT”.",
        ),
        _CONSOLE,
        seed="S7 S23",
    ),
    Row(
        "2.1", "domain_whitelist", "auto",
        Words("配置服务器域名白名单", "Whitelist our server domains"),
        Words(
            "我们通过开放平台接口为您添加；也可以在 设置 > 开发设置 > 服务器域名白名单 手动添加。"
            "只对之后上传的版本生效。",
            "We add them over the open platform's API; by hand it is settings > development "
            "settings "
            "> server domain whitelist. It takes effect for versions uploaded afterwards.",
        ),
        _CONSOLE, needs=("2.3",),
        seed="S24 S25",
    ),
    Row(
        "2.2", "signing_keys", "check",
        Words("设置接口加签方式", "Set the signing keys"),
        Words(
            "用密钥医生生成或检查 RSA2（2048 位）密钥，把“应用公钥”上传到开放平台，再把开放平台返回"
            "的“支付宝公钥”填到这里。应用公钥和支付宝公钥不是同一个，请勿混淆。",
            "Generate or check an RSA2 pair (2048 bits) with the key doctor, upload the "
            "application "
            "public key to the open platform, and bring back the Alipay public key that it shows. "
            "The two public keys are not the same: do not mix them up.",
        ),
        _CONSOLE,
        seed="S26-S29",
    ),
    Row(
        "2.3", "app_bound", "check",
        Words("在本平台绑定 IoT 小程序", "Bind the mini program here"),
        Words(
            "刷脸支付 > 支付宝蜻蜓 > IoT 小程序配置：打开开关，填写 AppID、"
            "支付宝公钥和应用私钥并保存。"
            "与 支付宝小程序 > 小程序配置 是同一份数据，改一处两处都变。",
            "Face pay > Alipay Dragonfly > IoT mini program: switch it on, enter AppID, Alipay "
            "public key and "
            "application private key, save. It is the same record as Alipay mini program > "
            "settings.",
        ),
        needs=("2.2",),
        seed="S8 S31-S34 S36 S37",
    ),
    Row(
        "2.4", "package", "manual",
        Words("准备代码包", "Get the code package"),
        Words(
            "仅在自己上传时需要：向平台索取代码包的压缩文件，解压到一个新文件夹。"
            "没有普通小程序代码包也可以刷脸支付：优惠券和积分照常使用，只是没有手机端商城。",
            "Only if you upload it yourself: ask the platform for the archive and unpack it into "
            "a new folder. Face pay works without a package for the ordinary mini program: "
            "coupons and points stay usable, only the shop on the phone is missing.",
        ),
        needs=("2.3",), is_optional=True,
        seed="S42 S116",
    ),
    Row(
        "3.1", "tool_installed", "manual",
        Words("安装支付宝开发者工具", "Install Alipay's developer tool"),
        Words(
            "仅在自己上传时需要，Windows 或 Mac 均可。",
            "Only if you upload it yourself. For Windows or Mac.",
        ),
        "https://opendocs.alipay.com/mini/ide/download", is_optional=True,
        seed="S43",
    ),
    Row(
        "3.2", "tool_signed_in", "manual",
        Words("登录工具并打开项目", "Sign in to the tool and open the project"),
        Words(
            "打开项目，类型选择 支付宝 IoT > 小程序，用主账号或开发者的支付宝扫码登录；在 详情 "
            "> 域名"
            "信息 中取消勾选两个“忽略……合法性检查”。列表里没有您的应用时，请在 成员管理 "
            "添加开发者。",
            "Open the project as Alipay IoT > mini program and sign in by scanning as owner or "
            "developer; under details > domain info un-tick both “ignore legality check” boxes. If "
            "the app is not listed you are not one of its developers: add yourself under members.",
        ),
        needs=("3.1",), is_optional=True,
        seed="S44-S46 S48",
    ),
    Row(
        "3.3", "package_uploaded", "auto",
        Words("上传代码包", "Upload the package"),
        Words(
            "我们用模板为您生成并上传一个版本；自己上传的版本会自动识别。",
            "We build a version from our template and upload it; a version that you uploaded "
            "yourself is found by itself.",
        ),
        needs=("1.3", "2.1"),
        form=(
            Field("app_version", Words("版本号", "Version"), min=5, max=20, value="1.0.0",
                  pattern=r"^[0-9]{1,5}(\.[0-9]{1,5}){2,3}$",
                  hint=Words("数字和点，如 1.0.1", "Numbers with dots between, such as 1.0.1")),
        ),
        seed="S47",
    ),
    Row(
        "4.1", "reviewed", "auto",
        Words("提交审核", "Submit for review"),
        Words(
            "填写资料后由我们提交；填了一半会自动保存。审核通常需要 1–3 个工作日，状态自动更新。",
            "Fill in the texts and we submit them; what you have typed is kept. A review usually "
            "takes one to three working days and its state updates here by itself.",
        ),
        _CONSOLE, needs=("3.3",), form=_REVIEW_FORM,
        seed="S49 S52",
    ),
    Row(
        "4.2", "released", "auto",
        Words("上架", "Release"),
        Words(
            "可以先灰度 10%、30%、50%，再全部上架；上架后即可在正式环境使用。",
            "Roll out to 10, 30, 50 % first if you like, then to all; after that it can be used "
            "in production.",
        ),
        _CONSOLE, needs=("4.1",),
        form=(
            Field("share", Words("发布范围", "Rollout"), "choice",
                  choices=("p10", "p30", "p50", "all"), value="all"),
        ),
        seed="S53",
    ),
    Row(
        "0.1", "face_to_face_enabled", "check",
        Words("开通当面付", "Enable face-to-face pay"),
        Words(
            "在商家中心签约“当面付”，必须用开通 IoT 小程序的同一个支付宝账号；已开通则无需操作，"
            "绑定密钥后会自动核实。"
            "需要：营业执照照片、门头照 1 张、店铺地址、联系人姓名、邮箱和手机。法定代表人与账号"
            "持有人不一致时，每日收款有限额。没有当面付就不能刷脸收款，请在等待设备之前先检查。",
            "Sign up for face-to-face pay in the merchant centre, with the same Alipay account "
            "that "
            "opens the IoT mini program; if it is on already there is nothing to do: it is checked "
            "by itself once the keys are bound. You need: the "
            "business licence, one photo of the shop sign, the address, and a contact with e-mail "
            "and mobile. A daily limit applies when the legal person is not the account holder. "
            "Without it face pay does not work: check before you wait for a device.",
        ),
        _MERCHANT_CENTRE, needs=("2.3",),
        seed="S101-S103 S105-S108",
    ),
    Row(
        "5.0", "store", "check",
        Words("建立门店", "Set up a store"),
        Words(
            "设备、订单和收银员都属于某个门店。至少建一个，名称会显示在设备和订单上，以后可以改。",
            "Devices, orders and cashiers belong to a store. Make at least one; its name is shown "
            "on devices and orders and can be changed later.",
        ),
        seed="S130",
    ),
    Row(
        "5.1", "pushed", "auto",
        Words("安装到设备", "Install on devices"),
        Words(
            "设备在自己账号下：填写设备编号，由我们下发。设备签约在他人账号下："
            "由签约方在开放平台 服务分发 中搜索您的 AppID 并推送安装。下发后请等待设备升级。",
            "Devices in your own account: enter their numbers and we push. Contract held by "
            "somebody else: they search your AppID under service distribution on the open "
            "platform and push. Then wait for the device to upgrade.",
        ),
        _CONSOLE, needs=("4.2",),
        form=(
            Field("sn", Words("设备编号，每行一个", "Device numbers, one a line"), "serials",
                  max=4000, pattern=r"^[\x21-\x7e]+$",
                  hint=Words("每行一个，只有字母、数字和符号，最多 100 台",
                             "One a line, of plain letters, digits and signs; at most 100")),
        ),
        seed="S54 S55 S62 S69",
    ),
    Row(
        "5.2", "device_online", "check",
        Words("首台设备上线", "The first device is online"),
        Words(
            "为门店生成激活码，在设备上输入；设备用它登录后，这里自动变为完成。",
            "Make an activation code for the store and enter it on the device; when the device "
            "has signed in with it, this completes by itself.",
        ),
        needs=("5.0",),
        seed="S9 S10 S16",
    ),
)  # fmt: skip

BY_ROW: Mapping[str, Row] = {row.row: row for row in ROWS}
RELEASES: Mapping[str, ReleaseStep] = {
    "3.3": "upload",
    "4.1": "review",
    "4.2": "release",
    "5.1": "push",
}
"""Rows about the life of the mini program, which the device service carries out -> its step."""
ROW_OF: Mapping[str, str] = {step: row for row, step in RELEASES.items()}
LOOKED_AT = frozenset({"3.3", "4.1", "4.2"})
"""Those of them that the device service checks, too. The result of a push is known from our own
tables."""
