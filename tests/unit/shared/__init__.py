"""The mechanisms, without a process around them."""
