"""Plays a face-pay device on this machine: python -m deploy.sandbox.dragonfly --help.

Owns: its credentials and its journal of payments, in a folder that the caller names. It speaks to
the platform's device interface over HTTP only.
"""
