"""Alipay's open platform: how requests are signed, what is accepted, which methods are called.

Owns: the keys of bound apps while they are in memory (keyring; private keys in the egress only),
the only client (client), the reader of bill files (bill_file). Consumes the event that an app's
binding changed (binding.events) and drops its keys. `python -m gateway.alipay` is the signing CLI.
"""
