"""What a fork server reads once, when it imports this, for all of its forks."""

import pytest

from tests.support import quick_sessions

quick_sessions.install(pytest.MonkeyPatch())
quick_sessions.load()
