"""The sandbox's admin interface and its page, over HTTP."""
