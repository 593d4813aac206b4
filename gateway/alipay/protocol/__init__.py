"""The protocol, byte by byte (docs/signing.md): pure functions, no network, no clock.

An auditor reads `canonical` and `rsa2`, which import nothing of ours. The other modules use them:
verification (verify), content encryption (aes), the envelope of every call (envelope), and the
signing CLI (cli) with its reading of keys (keys). The sandbox is a second implementation that
shares none of it."""
