"""The five services; each is one flat package with a database of its own."""
