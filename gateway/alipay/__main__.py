"""`python -m gateway.alipay COMMAND [--lines]`: see `gateway.alipay.cli`."""

import sys

from gateway.alipay.cli import main

if __name__ == "__main__":
    sys.exit(main())
