"""Other people's side of a payment, played on this machine: the platform and the device.

A platform has a package of its own (`alipay`), built on `kit`, which knows no platform. `dragonfly`
is a face-pay device. Nothing here imports the product, and the product imports nothing of it.
"""
