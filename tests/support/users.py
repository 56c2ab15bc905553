"""The environment of anyone who runs the tests, as it was before they changed it: for the one test
that may touch an account, and only if it is asked for."""

from __future__ import annotations

import os

VARIABLES = dict(os.environ)
