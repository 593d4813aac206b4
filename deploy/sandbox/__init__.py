"""Simulators of the other parties of a payment: the payment platform and the device.

A platform has a package of its own (`alipay`), built on `kit`, which knows no platform. `dragonfly`
is a face-pay device. Nothing here imports the product, and the product imports nothing of it.
"""
