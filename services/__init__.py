"""The five services; each is one package with a database of its own, divided into rooms where it is
large."""
