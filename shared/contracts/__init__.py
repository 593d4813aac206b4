"""The contracts between processes, declared once for both sides.

`events` are the facts that cross Kafka, `speakers` which issuer may call which service as which
kind of caller, `principal` the caller of a request, `pairs` the secrets that exactly two processes
share for events and tokens, `signatures` how long a device's signature is valid. `fields`,
`instants` and `money` are the types of members, and `cursors` name the rows at which pages of a
list begin and end. The others cross links between our processes: look-ups and reports of use
(`documents`), calls to the channel (`egress`), verified notices (`notices`) and other deliveries of
the gateway (`reports`). `verdicts` is what a reply of the egress means for a row of the onboarding
map (binding) and for a step of a release (device).
Those on a hot path are TypedDicts, which cost nothing at run time; tests compare the receiver's
model with them. Additive only: a contract may gain optional members; any other change is a new
version.
"""
