"""Rehearsals, where the Alipay behind is the sandbox; everywhere else each door answers 404.

Owns no table: what it makes (an application to bind, how a payment of it ends) is the sandbox's.
Hears and publishes nothing.
"""
