"""Mechanisms that all processes share, and no rule of any service.

A few hundred lines for each concern: the database, the outbox, inbox and consumer of events, the
server, links and their client, telemetry, and the processes of a service (`process`). `contracts`
is what processes tell each other, `keys` is what an auditor reads. Owns no table: the migrations of
each service create their own from `tables`. Consumes and publishes nothing by itself.
"""
