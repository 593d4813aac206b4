"""Takes payments and settles them: what a device asks for, what each fact does to an attempt.

Owns `payments`, `payment_cases`, `device_nonces` and the read models of a sale (`merchant_apps`,
`merchant_standings`, `stores`), and the functions in `store.sql` and `store_worker.sql`. Hears
app.bound, store.created, store.renamed, merchant.suspended and merchant.resumed. Publishes
payment.succeeded, .failed, .closed, .reversed and .late_success.
"""
