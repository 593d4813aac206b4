"""The command lines of binding: the same use cases as the consoles, JSON out.

Owns no table. Hears and publishes nothing by itself: what it calls does.
`main` reads the words and runs a command, `apps` binds an app, `input` reads files.
"""
