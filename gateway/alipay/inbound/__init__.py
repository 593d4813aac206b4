"""What Alipay sends us: trade notices and app-gateway messages, accepted only when they verify.

`signed` is the endpoint that both share; `notification` converts a notice to our own terms. Payment
commits notices and device commits messages; only then is the response `success`. Owns no table.
Counts and samples of refused forms go to reports.
"""
