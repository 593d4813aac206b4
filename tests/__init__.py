"""The proofs: README.md in this folder says what each tier is and which fixtures it has."""
