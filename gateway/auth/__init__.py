"""Who is asking: devices by HMAC, console people by cookie, our own processes by token."""
