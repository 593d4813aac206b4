"""What all sandboxes are built on, driven without a platform."""
