"""The methods that move money, and the bills of it."""
