"""The tests, by what they need and so by how slow they are.

    unit        one module at a time, in this process: no cloud, no server, no process. All of them
                take a few seconds (`make unit`). Below it the folders of the code: localcloud/, …
    localcloud  one rule of AWS's at a time, by boto3, against a local cloud that runs beside the
                tests and is emptied before each: about 0.1 s a test, some seconds where a wait or
                a worker's end is the point.
    lab         the `lab` command, the chapters and the notebooks, as a learner runs them: a test
                that runs chapters takes seconds.
    lambdas     the handlers of lambdas/, with AWS at the local cloud.
    chain       the whole chain, broken and put right: from seconds to minutes.
    repository  the repository's own rules: what may import what, pages that are generated.
    support     no tests: helpers that more than one folder needs. No test imports another test.

A test stands where the code stands that it is about: tests/localcloud/sqs/test_queue.py is about
localcloud/sqs/queue.py. Parity markers rely on that; tests/support/parity.py says how.
"""

import sys
from typing import Any

# Importing jsonschema would read it for seconds, in each process: see localcloud/__main__.py.
_missing: Any = None
sys.modules.setdefault("rfc3987_syntax", _missing)
