"""How the platform is run: the one-command stack, the sandboxes, the deployment profiles.

Owns: the rotation of key-encryption keys (`keys`), the stack on one machine (`local`), a real Kafka
on this machine (`kafka`), and simulators of Alipay and of a device (`sandbox`). The product imports
none of it.
"""
