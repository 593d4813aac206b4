"""A real Apache Kafka on this machine: fetched by Maven, one KRaft node on 127.0.0.1."""
