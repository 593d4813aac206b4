"""Alipay's OpenAPI protocol: byte strings, RSA2, envelope, methods, and the signing CLI."""
