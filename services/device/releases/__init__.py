"""The life of a mini program at Alipay: upload, build, review, release, push (docs/adr/0026).

Owns the tables release_tasks (what was requested), app_releases (how far each step is) and
app_messages. Hears release.requested and app-gateway messages; a message is never believed, it is
a reason to look. Asks Alipay through the egress, with no transaction open.
Publishes release.changed.
"""
