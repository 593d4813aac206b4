"""The one-command stack: embedded engines, all processes, a supervisor, a first payment.

Owns: what `RUN_DIR` holds (`layout`), this machine's secrets, the ports of a stack, the embedded
PostgreSQL and broker, the build of the console, and the supervisor of all processes. `demo` makes
the merchant that the stack shows.
"""
