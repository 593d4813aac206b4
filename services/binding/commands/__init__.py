"""The command lines of binding: the use cases of the consoles, with JSON as output.

Owns no table. Consumes and publishes nothing by itself; the use cases that it calls publish.
`main` parses the arguments and runs a command, `apps` binds an app, `input` reads files.
"""
