"""How long a signed request of a device is valid at the edge, and how long its nonce is stored."""

CLOCK_WINDOW_S = 300
"""The most by which the time in a signature may differ from the edge's clock, either way."""
NONCE_KEPT_S = 3 * CLOCK_WINDOW_S
"""A signature dated ahead is valid for twice the window. The third window covers clocks that differ
and the time until the request arrives where its nonce is stored: in the edge for a read, in each
service's own `device_nonces` for a change."""
