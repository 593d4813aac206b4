"""Request bodies and response models of rehearsals in the sandbox."""

from typing import Annotated

from pydantic import BaseModel

from services.binding.bodies import Body
from services.binding.keys.schemas import AppId, KeyText
from services.binding.sandbox.service import Outcome
from shared.contracts import fields


class SandboxAppBody(Body):
    """Either the pasted application public key, or the generated key pair that is not bound yet."""

    public_key: KeyText | None = None
    key_pair_id: fields.Id | None = None


class SandboxAppOut(BaseModel):
    """The values that the open platform would show after the upload, in the form of the binding
    form."""

    app_id: str
    seller_id: str
    alipay_public_key: str


class OutcomeBody(Body):
    app_id: AppId
    outcome: Outcome
    auth_code: Annotated[str, fields.Text(128)] | None = None
    """the code of the payment, as the till will send it; left out: the next payment"""
