"""take_order accepts what the schema of the API accepts, whatever the order."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.handlers import ORDER_MODEL
from tests.support.strategies import JSON

UNSENDABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
ANY_TEXT = st.text(max_size=20) | st.text(
    st.sampled_from("a\n\x00\x1f\x7f\x80\ud800\udfff\ufffe\uffff🍵@"), max_size=4
)
TEXT = ANY_TEXT | st.sampled_from([199, 200, 201]).map("x".__mul__) | JSON
EMAIL = st.builds("{}@{}".format, ANY_TEXT, ANY_TEXT) | st.sampled_from([253, 254]).map("@".rjust)
ORDER = st.fixed_dictionaries(
    {
        "product": TEXT,
        "quantity": st.integers(-2, 2)
        | st.integers(9_998, 10_002)
        | st.sampled_from([3.0, 1e2, True])
        | JSON,
    },
    optional={
        "order_id": st.sampled_from([62, 64, 65]).map("o".__mul__)
        | st.sampled_from(["ok", "é", "a b", "", "ok\n"])
        | JSON,
        "customer_email": EMAIL | JSON,
    },
)
GOOD = {"product": "tea", "quantity": 1}


@given(order=ORDER | JSON | st.builds(GOOD.__or__, st.dictionaries(st.text(max_size=9), JSON)))
@settings(
    max_examples=500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_handler_and_model_accept_the_same_but_for_what_sqs_cannot_carry(
    take_order: ModuleType, order: Any
) -> None:
    accepted, field, must = None, "", ""
    try:
        accepted = take_order.parse(json.dumps(order))
    except ValueError as error:
        field, must = error.args
    if accepted is None:
        own = order if type(order) is dict else ()
        assert field in {"body", *take_order.SCHEMA["properties"], *own}
        assert must.startswith("must be ")
        texts = order.values() if isinstance(order, dict) else ()
        assert not ORDER_MODEL.is_valid(order) or any(
            UNSENDABLE.search(str(text)) for text in texts
        )
        return
    assert ORDER_MODEL.is_valid(order)
    body = json.dumps(accepted, ensure_ascii=False).encode()  # no lone surrogates
    assert len(body) < 256 * 1024
    assert not re.search("[\x00-\x1f\ufffe\uffff]", body.decode())
