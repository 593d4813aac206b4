"""How the platform is run: the one-command stack, the sandboxes, the deployment profiles.

Owns: the rotation of key-encryption keys (`keys`), the stack on one machine (`local`), a real
Kafka on this machine (`kafka`), and other people's side of a payment (`sandbox`). The product knows
none of it.
"""
