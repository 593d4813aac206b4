"""The life of a mini program at Alipay: upload, build, review, release, push (docs/adr/0026).

Owns the tables release_tasks (requests), app_releases (the state of each step) and app_messages.
Consumes release.requested, and takes app-gateway messages; a message changes no state, it only
brings the next check forward. Calls Alipay through the egress, with no transaction open. Publishes
release.changed.
"""
