"""Runs iotcore's broker from its configuration file: ``python -m deploy.iotcore_broker FILE``."""

from __future__ import annotations

import sys

from iotcore import IotCoreBroker

if __name__ == "__main__":
    IotCoreBroker(config_path=sys.argv[1]).run_forever()
