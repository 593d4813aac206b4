"""Rehearsals, only where the egress calls the sandbox; elsewhere each route returns 404.

Owns no table: what it creates (an application to bind, how its payments end) is in the sandbox.
Consumes and publishes nothing.
"""
