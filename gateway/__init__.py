"""The gateway: a public edge and a private egress, the only processes that hold keys in clear.

No database and no business rule lives here. `edge` authenticates, limits and passes on; `egress`
signs every call to Alipay and believes only what verifies.
"""
