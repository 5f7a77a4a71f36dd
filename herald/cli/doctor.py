"""``herald doctor``: is everything that Herald needs there and well?"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict

from herald.bootstrap.servers import diagnose_all
from herald.cli.exits import DONE, FOUND_FAILURE
from herald.settings import load_settings


def run(*, as_json: bool) -> None:
    """Print one line a check, with the cure of what is wrong; exit with 1 where something is."""
    checks = asyncio.run(diagnose_all(load_settings()))
    failed = [check for check in checks if not check.ok]
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks], indent=1) + "\n")
    else:
        for check in checks:
            sys.stdout.write(f"{'ok  ' if check.ok else 'FAIL'} {check.name:<22} {check.detail}\n")
            if not check.ok:
                sys.stdout.write(f"     {'':<22} cure: {check.cure}\n")
    sys.exit(FOUND_FAILURE if failed else DONE)
