"""The sandbox Alipay, driven over HTTP by a signer and a verifier of the tests' own."""
