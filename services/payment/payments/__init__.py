"""Takes payments and settles them: a device's requests, and the effect of each fact on an attempt.

Owns `payments`, `payment_cases`, `device_nonces` and the read models of a sale (`merchant_apps`,
`merchant_standings`, `stores`), and the functions in `store.sql` and `store_worker.sql`. Consumes
app.bound, store.created, store.renamed, merchant.suspended and merchant.resumed. Publishes
payment.succeeded, .failed, .closed, .reversed and .late_success.
"""
