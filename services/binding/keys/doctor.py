"""The key doctor: examines pasted keys and says in plain words what they are, what is wrong and
what to do. It stores nothing and repeats nothing that could be secret.

Each field is examined on its own, so that one mistake does not hide the next. What is right is
reported, too. `pasted` reads the keys; each of its problems has a remedy here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal, TypeVar

from services.binding.keys import pasted
from services.binding.keys.pasted import KeyRefused
from shared.keys.rsa_keys import PublicKey

KeyT = TypeVar("KeyT")
Level = Literal["ok", "warn", "error"]

PRIVATE, OWN_PUBLIC, ALIPAY = "app_private_key", "app_public_key", "alipay_public_key"

_COPY_AGAIN = (
    "回到密钥工具，点击“复制”，整段粘贴到这里，不要手工选取 "
    "Use the key tool's copy button and paste everything; do not select by hand."
)
_MAKE_NEW = (
    "用本页“生成密钥”重新生成一对 2048 位密钥，再到开放平台更新应用公钥 "
    "Generate a new 2048-bit pair on this page, then upload its public key to the open platform."
)
_WHERE_ALIPAY = (
    "开放平台 > 开发设置 > 接口加签方式 > 查看，复制“支付宝公钥” "
    "Open platform > development settings > signing method > view: copy “Alipay public key”."
)

REMEDIES: dict[type[KeyRefused], str] = {
    pasted.KeyEmpty: _COPY_AGAIN,
    pasted.KeyTooLarge: _COPY_AGAIN,
    pasted.KeyUnreadable: _COPY_AGAIN,
    pasted.KeyTruncated: _COPY_AGAIN,
    pasted.KeyEncrypted: (
        "导出不带口令的密钥，或直接用本页“生成密钥” "
        "Export the key without a passphrase, or generate a pair on this page."
    ),
    pasted.SeveralKeys: (
        "这里只放一个密钥：分别粘贴到各自的输入框 "
        "One key per box: paste each into the box that names it."
    ),
    pasted.CertificateAsKey: (
        "若使用证书模式，请切换为“证书”并上传三个证书 "
        "In certificate mode, switch to “certificates” and upload the three files."
    ),
    pasted.PublicKeyAsPrivate: (
        "粘贴密钥工具中的“应用私钥” Paste the key tool's “application private key”."
    ),
    pasted.PrivateKeyAsPublic: (
        "私钥可能已经外泄：" + _MAKE_NEW + " The private key may have leaked; do not reuse it."
    ),
    pasted.KeyNotRsa: (
        "密钥算法选择 RSA2（2048 位） Choose RSA2 (2048 bits) in the key tool. " + _MAKE_NEW
    ),
    pasted.KeyTooShort: _MAKE_NEW,
    pasted.KeyInconsistent: _COPY_AGAIN,
    pasted.OwnPublicKey: _WHERE_ALIPAY,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `code` is stable, the texts are for people."""

    field: str
    code: str
    level: Level
    title: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The findings, and the public facts of usable keys."""

    findings: tuple[Finding, ...]
    private: PublicKey | None
    """the public half of a usable private key"""
    alipay: PublicKey | None

    @property
    def can_save(self) -> bool:
        """Whether there are findings and none of them is an error."""
        return bool(self.findings) and all(found.level != "error" for found in self.findings)


def examine(
    private_text: str | None,
    own_public_text: str | None,
    alipay_text: str | None,
    known_own: Collection[str] = (),
) -> Diagnosis:
    """The diagnosis of the pasted texts; None: the field was left out. `known_own`: the app's
    public keys that are stored already, newest first."""
    findings: list[Finding] = []
    private = _read_or_report(findings, PRIVATE, private_text, pasted.read_private_key)
    own = _own_public(findings, own_public_text)
    if private is not None:
        findings.append(_readable(PRIVATE, private.public))
        findings.append(
            Finding(
                PRIVATE, "doctor.round_trip", "ok",
                "试签与验签通过 A trial signature verified.",
            )
        )  # fmt: skip
        if own is not None:
            findings.append(_pair(private.public, own))
    elif own is not None:
        findings.append(_readable(OWN_PUBLIC, own))
    own_keys = {key.spki for key in (private.public if private else None, own) if key is not None}
    alipay = _read_or_report(
        findings,
        ALIPAY,
        alipay_text,
        lambda text: pasted.read_alipay_key(text, {*known_own, *own_keys}),
    )
    if alipay is not None:
        findings.append(_readable(ALIPAY, alipay))
    return Diagnosis(tuple(findings), private.public if private else None, alipay)


def _read_or_report(
    findings: list[Finding], field: str, text: str | None, read: Callable[[str], KeyT]
) -> KeyT | None:
    if text is None:
        return None
    try:
        return read(text)
    except KeyRefused as refused:
        findings.append(_finding_of(field, refused))
        return None


def _own_public(findings: list[Finding], text: str | None) -> PublicKey | None:
    """The application public key, as uploaded to the open platform, to compare with."""
    return _read_or_report(
        findings, OWN_PUBLIC, text, lambda given: pasted.read_alipay_key(given, ())
    )


def _finding_of(field: str, refused: KeyRefused) -> Finding:
    return Finding(field, refused.code, "error", refused.title, REMEDIES[type(refused)])


def _readable(field: str, key: PublicKey) -> Finding:
    return Finding(
        field, "doctor.readable", "ok",
        f"可用的 RSA2 密钥，{key.bits} 位 A usable RSA2 key of {key.bits} bits.",
    )  # fmt: skip


def _pair(private: PublicKey, own: PublicKey) -> Finding:
    if private.spki == own.spki:
        return Finding(
            OWN_PUBLIC, "doctor.pair_fits", "ok",
            "应用公钥与应用私钥是一对 The two application keys belong together.",
        )  # fmt: skip
    return Finding(
        OWN_PUBLIC, "doctor.pair_differs", "error",
        "应用公钥与应用私钥不是一对 The two application keys do not belong together.",
        "上传到开放平台的应用公钥必须由这把私钥生成：重新上传，或换成对应的私钥 "
        "The public key on the open platform must come from this private key: upload it again, "
        "or paste the private key that belongs to it.",
    )  # fmt: skip
