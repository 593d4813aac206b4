"""What Alipay sends us: trade notices and app-gateway messages, believed only when they verify.

signed is what both addresses share; notification puts a notice into our own words; payment commits
notices, binding commits messages, and only then the answer is `success`. Owns no table; counts and
samples of what was refused go to reports.
"""
