"""HTTP as the tests speak it. `urllib3.request` gives up after 3 s; a busy machine takes longer."""

from __future__ import annotations

import urllib3

request = urllib3.PoolManager(timeout=90).request
