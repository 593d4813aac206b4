"""What processes say to each other, declared once for both sides.

`events` are the facts that cross Kafka, `speakers` who may speak as whom to whom, `principal` who
is asking; `fields`, `instants` and `money` are what members are made of. The others cross HTTP
inside: look-ups and reports of use (`documents`), calls to the channel (`egress`), verified notices
(`notices`) and what else the gateway hands on (`reports`). Those on a hot path are TypedDicts,
which cost nothing at run time; tests hold the receiver's model against them. Additive only: a
contract may gain optional members; anything else is a new version.
"""
