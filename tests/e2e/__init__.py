"""The whole stack, driven from outside as a device, a browser or Alipay would."""
