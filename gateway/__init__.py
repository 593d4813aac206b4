"""The gateway: a public edge and a private egress, the processes that use unsealed keys.

It has no database and no business rule. `edge` authenticates, limits and forwards requests;
`egress` signs every call to Alipay and accepts only responses that verify.
"""

VERSION = "0.1.0"
"""of the whole product; pyproject.toml says the same (a test compares)"""
