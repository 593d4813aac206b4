"""Alipay's open platform: how requests are signed, what is believed, which methods are called.

Owns: the keys of bound apps while they are in memory (keyring; the private half in the egress
only), the one client (client), the reader of bill files (bill_file). Hears that an app was bound
anew (binding.events) and forgets its keys. `python -m gateway.alipay` is the signing CLI.
"""
