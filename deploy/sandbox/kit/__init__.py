"""What the sandbox of any payment platform is made of; it knows none of them."""
