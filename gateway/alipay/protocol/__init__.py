"""The protocol, byte by byte (docs/signing.md): pure functions, no network, no clock.

canonical and rsa2 are what an auditor reads: they import nothing of ours. On them stand verdicts
(verify), encrypted content (aes), certificates, the envelope around every call, and the signing CLI
(cli). The sandbox is a second implementation that shares none of it.
"""
