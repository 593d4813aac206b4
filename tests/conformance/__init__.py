"""What others' implementations say about ours: public vectors, and public SDKs."""
