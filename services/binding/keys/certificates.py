"""The three certificates of certificate mode, and the problems with them in words that people can
act on. `shared.keys.certificates` reads and checks them.

KeyRefused
└── CertificateRefused         422  binding.certificate_refused; `errors` points at the field
    ├── CertificateUnreadable       binding.certificate_unreadable
    ├── KeyAsCertificate            binding.key_as_certificate
    ├── CertificateNotYetValid      binding.certificate_not_yet_valid
    ├── CertificateExpired          binding.certificate_expired
    ├── CertificateOfAuthority      binding.certificate_of_authority
    ├── CertificateUntrusted        binding.certificate_untrusted
    ├── CertificateMismatch         binding.certificate_mismatch
    ├── OwnCertificate              binding.own_certificate
    └── RootMissing                 binding.root_certificate_missing
"""

from collections.abc import Collection, Mapping
from datetime import datetime

from services.binding.keys import pasted
from shared.keys import certificates
from shared.keys.certificates import CertificateSet, UnusableCertificate, Which

APP_FIELD = "/app_cert"
ALIPAY_FIELD = "/alipay_cert"
ROOT_FIELD = "/alipay_root_cert"
FIELDS: Mapping[Which, str] = {"app": APP_FIELD, "alipay": ALIPAY_FIELD, "root": ROOT_FIELD}


class CertificateRefused(pasted.KeyRefused):
    code = "binding.certificate_refused"
    title = "证书不可用 This certificate cannot be used."


class CertificateUnreadable(CertificateRefused):
    code = "binding.certificate_unreadable"
    title = (
        "无法识别的证书，请上传完整的 .crt 文件 "
        "Not a certificate; give the downloaded .crt file whole."
    )


class KeyAsCertificate(CertificateRefused):
    code = "binding.key_as_certificate"
    title = "这里应填证书，填入的是密钥 A key was given; a certificate is needed here."


class CertificateNotYetValid(CertificateRefused):
    code = "binding.certificate_not_yet_valid"
    title = "证书尚未生效 The certificate is not valid yet."


class CertificateExpired(CertificateRefused):
    code = "binding.certificate_expired"
    title = "证书已过期，请重新下载 The certificate has expired; download a new one."


class CertificateOfAuthority(CertificateRefused):
    code = "binding.certificate_of_authority"
    title = (
        "这是颁发机构的证书，请检查三个文件是否填错位置 "
        "An authority's certificate was given; check which file goes where."
    )


class CertificateUntrusted(CertificateRefused):
    code = "binding.certificate_untrusted"
    title = (
        "证书不是由所给的支付宝根证书签发 "
        "The certificate does not lead to a root in the given root file."
    )


class CertificateMismatch(CertificateRefused):
    code = "binding.certificate_mismatch"
    title = (
        "应用公钥证书与应用私钥不匹配 "
        "The application certificate does not belong to the application private key."
    )


class OwnCertificate(CertificateRefused):
    code = "binding.own_certificate"
    title = (
        "填入的是应用公钥证书：这里应填支付宝公钥证书 "
        "The application certificate was given; Alipay's is needed here."
    )


class RootMissing(CertificateRefused):
    code = "binding.root_certificate_missing"
    title = "根证书文件中没有可用的 RSA 根证书 No usable RSA root in the root file."


REFUSALS: Mapping[str, type[pasted.KeyRefused]] = {
    "empty": pasted.KeyEmpty,
    "too_large": pasted.KeyTooLarge,
    "not_rsa": pasted.KeyNotRsa,
    "too_short": pasted.KeyTooShort,
    "inconsistent": pasted.KeyInconsistent,
    "unreadable": CertificateUnreadable,
    "is_key": KeyAsCertificate,
    "is_ca": CertificateOfAuthority,
    "not_yet_valid": CertificateNotYetValid,
    "expired": CertificateExpired,
    "chain": CertificateUntrusted,
    "other_key": CertificateMismatch,
    "own_certificate": OwnCertificate,
    "no_root": RootMissing,
}
"""The reader's codes in our words."""


def read_certificates(
    app_text: str,
    alipay_text: str,
    root_text: str,
    *,
    own: str,
    own_keys: Collection[str],
    now: datetime,
) -> CertificateSet:
    """The files checked at `now`; `own` is the private key's public half (spki), `own_keys` those
    of older versions, too. Raises a KeyRefused."""
    try:
        return certificates.read_set(
            app_text, alipay_text, root_text, now=now, own=own, own_keys=own_keys
        )
    except UnusableCertificate as error:
        raise REFUSALS[error.code](FIELDS[error.which]) from None
