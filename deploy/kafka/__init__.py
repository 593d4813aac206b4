"""A real Apache Kafka on this machine: fetched by Maven, one KRaft node on 127.0.0.1.

Owns: the folder of the node (its jars and its log), the ports it takes, and the topics of
`topics.json`. For `make test-kafka` and for runs with a durable broker.
"""
