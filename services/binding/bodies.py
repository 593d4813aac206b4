"""Field types and the base class of request bodies and response models, shared by all rooms."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr

from shared.contracts.fields import Secret, Text

# Printable, with no blank at either end. PostgreSQL cannot store a NUL, and people cannot see the
# other control characters.
PRINTABLE = r"^[^\s\p{C}](?:[^\p{C}\p{Zl}\p{Zp}]*[^\s\p{C}])?$"
PASSWORD_FIELD_MAX = 256
Login = Annotated[str, Text(64, min=3, pattern=PRINTABLE)]
Name = Annotated[str, Text(64, pattern=PRINTABLE)]
Password = Annotated[SecretStr, Secret(PASSWORD_FIELD_MAX)]


class Body(BaseModel):
    """A request body: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def spelled(pattern: str) -> AfterValidator:
    """A validator for a secret that has certain characters only; the error never repeats it."""
    form = re.compile(pattern, re.ASCII)

    def check(given: SecretStr) -> SecretStr:
        if form.fullmatch(given.get_secret_value()) is None:
            raise ValueError("it has characters that cannot be in it")
        return given

    return AfterValidator(check)


BASE64URL = r"^[A-Za-z0-9_-]+$"
