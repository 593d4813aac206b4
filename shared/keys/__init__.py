"""Keys and what is proven with them: what an auditor of the platform reads first.

`tokens` say who asks whom inside, `sealed` keeps secrets at rest; `rsa_keys` and `certificates` are
the one reader of what people paste, on `pem`, its text. Owns no table, hears and publishes nothing;
whoever uses a key decides what it is for. Apart from the mechanisms, with a budget of its own
(ADR 25).
"""
