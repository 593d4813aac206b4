"""What an application is notified of, in which form, and signed how.

Owns: the fields of trade notices and of messages, the forged and awkward variants of a send, and
Alipay's schedule of resends; `deploy.sandbox.kit` keeps and delivers them.
"""
