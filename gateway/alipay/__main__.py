"""`python -m gateway.alipay COMMAND [--lines]`: see `gateway.alipay.protocol.cli`."""

import sys

from gateway.alipay.protocol.cli import main

if __name__ == "__main__":
    sys.exit(main())
