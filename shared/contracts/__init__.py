"""What processes say to each other, declared once for both sides.

`events` are the facts that cross Kafka, `speakers` who may speak as whom to whom, `principal` who
is asking, `fields` and `money` what the members of bodies are made of. Additive only: a contract
may gain optional members; anything else is a new version.
"""
