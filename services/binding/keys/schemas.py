"""Field types and response models of bound apps. No response model has a member for private key
material."""

from typing import Annotated

from pydantic import BaseModel, SecretStr

from services.binding.keys.rules import SELLER_ID
from shared.contracts import documents
from shared.contracts.fields import Secret, Text
from shared.contracts.instants import Instant

AppId = documents.AppId
SellerId = Annotated[str, Text(16, min=0, pattern=f"^$|{SELLER_ID}")]
KEY_TEXT_MAX = 64 * 1024
"""the limit of a request body; the readers of keys and certificates report what is too long"""
SecretKey = Annotated[SecretStr, Secret(KEY_TEXT_MAX)]
KeyText = Annotated[str, Text(KEY_TEXT_MAX, min=0, lines=True)]


class CertificateOut(BaseModel):
    """What names a certificate, and when it ends."""

    sn: str
    not_after: Instant


class CertificatesOut(BaseModel):
    app_cert: CertificateOut
    alipay_cert: CertificateOut
    alipay_root_cert_sn: str
