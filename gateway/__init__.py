"""The gateway: a public edge and a private egress, the processes that work with keys in clear.

No database and no business rule lives here. `edge` authenticates, limits and passes on; `egress`
signs every call to Alipay and believes only what verifies.
"""

VERSION = "0.1.0"
"""of the whole product; pyproject.toml says the same (a test compares)"""
