"""Keys and what they prove: the code that an auditor of the platform reads first.

`tokens` name the caller of an internal request; `sealed` keeps secrets at rest, under the
`data_keys` that a service has in its own table of that name; `rsa_keys` and `certificates` are the
only parsers of keys and certificates that people paste, based on `pem`, the text format. Consumes
and publishes nothing; the code that uses a key decides its purpose. Separate from the mechanisms,
with a budget of its own (ADR 25).
"""
