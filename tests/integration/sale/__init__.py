"""One sale through the real edge, payment, egress, order and campaign, all in this process."""
