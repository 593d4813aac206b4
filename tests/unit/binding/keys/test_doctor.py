"""The key doctor: what people paste by mistake is named with a remedy (S27, S29, S129)."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services.binding.keys import certificates, pasted
from services.binding.keys.doctor import ALIPAY, OWN_PUBLIC, PRIVATE, REMEDIES, examine


def _private_b64(key):
    return base64.b64encode(
        key.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    ).decode()


def _public_b64(key):
    return base64.b64encode(
        key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()


SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - too short on purpose
CURVE = ec.generate_private_key(ec.SECP256R1())

# What was pasted where -> the field it is about and the verdict. `k` is the app's own pair, `a`
# Alipay's, `o` somebody else's.
WRONG = {
    "an empty private key": (lambda k, a, o: ("", None, a.public_b64), PRIVATE, "key_empty"),
    "an empty Alipay key": (lambda k, a, o: (k.private_b64, None, ""), ALIPAY, "key_empty"),
    "the AppID instead of the private key": (
        lambda k, a, o: ("2021000000000001", None, a.public_b64), PRIVATE, "key_unreadable"),
    "the AppID instead of Alipay's key": (
        lambda k, a, o: (k.private_b64, None, "2021000000000001"), ALIPAY, "key_unreadable"),
    "a label copied along": (
        lambda k, a, o: (f"应用私钥：{k.private_b64}", None, None), PRIVATE, "key_unreadable"),
    "the end cut off": (
        lambda k, a, o: (k.private_b64[:1200], None, None), PRIVATE, "key_truncated"),
    "the beginning cut off": (
        lambda k, a, o: (k.private_b64[8:], None, None), PRIVATE, "key_unreadable"),
    "the end of Alipay's key cut off": (
        lambda k, a, o: (None, None, a.public_b64[:300]), ALIPAY, "key_truncated"),
    "the application public key as Alipay's": (
        lambda k, a, o: (k.private_b64, None, k.public_b64), ALIPAY, "own_public_key"),
    "the uploaded public key as Alipay's": (
        lambda k, a, o: (None, k.public_b64, k.public_b64), ALIPAY, "own_public_key"),
    "the public key as the private one": (
        lambda k, a, o: (k.public_b64, None, a.public_b64), PRIVATE, "public_key_as_private"),
    "Alipay's key as the private one": (
        lambda k, a, o: (a.public_b64, None, None), PRIVATE, "public_key_as_private"),
    "the private key as Alipay's": (
        lambda k, a, o: (None, None, k.private_b64), ALIPAY, "private_key_as_public"),
    "the two boxes swapped": (
        lambda k, a, o: (a.public_b64, None, k.private_b64), ALIPAY, "private_key_as_public"),
    "both keys in one box": (
        lambda k, a, o: (k.private_pem.decode() + k.public_pem.decode(), None, None),
        PRIVATE, "several_keys"),
    "a key of 1024 bits": (
        lambda k, a, o: (_private_b64(SHORT), None, None), PRIVATE, "key_too_short"),
    "an Alipay key of 1024 bits": (
        lambda k, a, o: (None, None, _public_b64(SHORT)), ALIPAY, "key_too_short"),
    "an elliptic key": (
        lambda k, a, o: (_private_b64(CURVE), None, None), PRIVATE, "key_not_rsa"),
    "a locked key": (
        lambda k, a, o: (
            k.private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"secret"),
            ).decode(),
            None,
            None,
        ),
        PRIVATE, "key_encrypted"),
    "a certificate instead of Alipay's key": (
        lambda k, a, o: (
            None, None, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
        ALIPAY, "certificate_as_key"),
    "a whole document": (lambda k, a, o: ("A" * 20_000, None, None), PRIVATE, "key_too_large"),
    "a private key of another pair": (
        lambda k, a, o: (o.private_b64, k.public_b64, a.public_b64), OWN_PUBLIC, "pair_differs"),
}  # fmt: skip


@pytest.mark.parametrize("paste", WRONG)
def test_a_wrong_paste_is_named_with_a_remedy(app_keys, alipay_keys, other_keys, paste):
    given, field, verdict = WRONG[paste]
    diagnosis = examine(*given(app_keys, alipay_keys, other_keys))
    assert not diagnosis.can_save
    errors = [found for found in diagnosis.findings if found.level == "error"]
    assert (field, verdict) in [(found.field, found.code.partition(".")[2]) for found in errors]
    for found in errors:
        assert found.title
        assert found.remedy


@pytest.mark.parametrize("paste", WRONG)
def test_the_doctor_repeats_nothing(app_keys, alipay_keys, other_keys, paste):
    given = WRONG[paste][0](app_keys, alipay_keys, other_keys)
    said = "".join(found.title + found.remedy for found in examine(*given).findings)
    for text in filter(None, given):
        compact = "".join(text.split())
        assert not any(compact[at : at + 24] in said for at in range(0, len(compact) - 24, 8))


def test_nothing_is_not_ready_to_be_saved():
    assert not examine(None, None, None).can_save


def test_what_is_right_is_said(app_keys, alipay_keys):
    diagnosis = examine(app_keys.private_b64, app_keys.public_b64, alipay_keys.public_b64)
    assert diagnosis.can_save
    assert [(found.field, found.code) for found in diagnosis.findings] == [
        (PRIVATE, "doctor.readable"),
        (PRIVATE, "doctor.round_trip"),
        (OWN_PUBLIC, "doctor.pair_fits"),
        (ALIPAY, "doctor.readable"),
    ]
    assert diagnosis.private.spki == app_keys.public_b64
    assert diagnosis.alipay.spki == alipay_keys.public_b64


def test_an_older_application_key_is_not_alipays(app_keys, other_keys):
    diagnosis = examine(app_keys.private_b64, None, other_keys.public_b64, [other_keys.public_b64])
    assert [found.code for found in diagnosis.findings if found.level == "error"] == [
        "binding.own_public_key"
    ]


def test_every_verdict_has_its_remedy():
    """Of the boxes that the doctor has; certificates, AES keys and grants are read elsewhere."""

    def below(kind):
        return {kind, *(leaf for sub in kind.__subclasses__() for leaf in below(sub))}

    other_boxes = {
        pasted.AesKeyRefused,
        pasted.GrantRefused,
        *below(certificates.CertificateRefused),
    }
    assert set(REMEDIES) == below(pasted.KeyRefused) - {pasted.KeyRefused} - other_boxes
