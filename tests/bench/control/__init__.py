"""The control: the same payment, built the straight way.

FastAPI with pydantic bodies, one plain httpx.AsyncClient per process, SQLAlchemy ORM sessions, one
transaction per message: what a competent developer writes first. It has the product's topology
(edge, egress, payment, relay, order and campaign consumers) and writes the same rows, but it does
less: no service tokens, no tenant isolation, no access log, no metrics, no retries. So the ratio
in the table is a lower bound. Keys are parsed once here, too: parsing them per call would be the
easy win (113x on a signature), and would tell nothing about the rest.
"""
