"""The admin interface for tests and people, and the sandbox's own page.

Owns: the paths under `/admin` (guards and dispatch are `deploy.sandbox.kit.local_admin`) and the
files of the page (`pagefiles`). Reads and changes every room; no room knows it.
"""
