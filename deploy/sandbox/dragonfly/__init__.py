"""A headless Dragonfly: enrols, pays by face or code, shows coupon and draw. Shares no code."""
