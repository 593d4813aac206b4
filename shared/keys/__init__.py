"""Keys and what is proven with them: what an auditor of the platform reads first.

`tokens` say who asks whom inside, `sealed` keeps secrets at rest, under the `data_keys` that a
service has in its own table of that name; `rsa_keys` and `certificates` are the one reader of what
people paste, on `pem`, its text. Hears and publishes nothing; whoever uses a key decides what it is
for. Apart from the mechanisms, with a budget of its own (ADR 25).
"""
