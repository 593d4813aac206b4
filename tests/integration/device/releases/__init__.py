"""The life of a mini program: requests, looks and messages."""
