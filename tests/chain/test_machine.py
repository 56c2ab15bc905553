"""The promise: every order that was answered 202 ends as exactly one item or one dead letter.

Hypothesis thinks up orders and faults, in any order, and plays them on the chain with a clock
that jumps. At the end of each run three things must hold:

1. Nothing is lost: an accepted order is an item or a dead letter, and exactly one of
   them unless something had it delivered twice.
2. Nothing is given up too early: no order ends as a dead letter because of one or two faults
   that pass.
3. Everything can be fixed: once nothing is broken any more and the dead letters were sent
   back, each order is one item, and what is left is what cannot be recorded.

What is not among the faults: taking a net itself away (a dead-letter queue, or the permission to
send to it). Then orders are lost, on AWS as here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moto.sns.exceptions import SNSException

from lab.course.names import names
from localcloud.lambda_.async_invoke import Event
from localcloud.sns import delivery as notifications
from localcloud.sns import limits as publishing
from localcloud.sns.delivery import Delivery
from tests.support.sizes import size
from tests.support.virtual_chain import VirtualChain
from tests.support.virtual_cloud import EDITS, set_up

MOST_RUNS = 500  # until something is found, which ends the search
RUNS = size(MOST_RUNS, 40)
PERMISSIONS = [
    ("take_order", "sqs:SendMessage"),
    ("take_order", "sqs:GetQueueUrl"),
    ("notify_fulfillment", "sqs:ReceiveMessage"),
    ("notify_fulfillment", "sqs:DeleteMessage"),
    ("notify_fulfillment", "sns:Publish"),
    ("record_order", "dynamodb:PutItem"),
]
FAULTS = {
    "SendMessage": ["throttled", "broken", "unreachable", "reply lost"],
    "PublishBatch": ["throttled", "broken", "unreachable", "reply lost", "partly refused"],
    "PutItem": ["throttled", "broken", "unreachable", "reply lost"],
}
PARTS = ["events", *names("").functions]  # of the cloud, which can meet an exhausted machine
any_fault = precondition(lambda self: not self.gentle)
passing_fault = precondition(lambda self: not self.gentle or self.passing < 2)
PRODUCTS = st.sampled_from(["tea", "شاي 🍵", "coffee"])


class OrdersAndFaults(RuleBasedStateMachine):
    """One run. `contents` are the accepted orders: what was accepted under each id."""

    chain: ClassVar[VirtualChain]

    def __init__(self) -> None:
        super().__init__()
        self.chain.start_over()
        self.posted = 0
        self.contents: dict[str, set[tuple[str, int]]] = {}
        self.unsure: dict[str, set[tuple[str, int]]] = {}  # answered 502: may be on the queue
        self.poison: set[str] = set()
        self.passing = 0  # faults that pass
        self.lasting = False
        self.delivered_twice = False
        self.gentle = False

    @initialize(
        gentle=st.booleans(),
        function=st.sampled_from(names("").functions),
        calls=st.integers(0, 2),
        part=st.sampled_from(PARTS),
    )
    def begin(self, gentle: bool, function: str, calls: int, part: str) -> None:
        """A gentle run has two faults at most, and they pass. Any other has whatever comes."""
        self.gentle = gentle
        if gentle:
            self._kill(function, calls)
        else:
            self._exhaust(part, "EMFILE", 1)

    # -- Orders ----------------------------------------------------------------------------------

    @rule(product=PRODUCTS, quantity=st.integers(1, 9), count=st.sampled_from([1, 1, 1, 1, 2, 12]))
    def post(self, product: str, quantity: int, count: int) -> None:
        for _ in range(count):
            self.posted += 1
            self._post(f"order-{self.posted}", product, quantity)

    @rule(data=st.data())
    def post_the_same_again(self, data: st.DataObject) -> None:
        order_id, (product, quantity) = self._drawn(data)
        if order_id:
            self._post(order_id, product, quantity)

    @rule(data=st.data())
    def post_other_content_under_the_same_id(self, data: st.DataObject) -> None:
        order_id, (product, quantity) = self._drawn(data)
        if order_id:
            self._post(order_id, product, quantity + 1)

    @rule()
    def put_something_unreadable_on_the_queue(self) -> None:
        body = f"poison {len(self.poison)}"
        if self.chain.put_on_queue(body):
            self.poison.add(body)

    def _drawn(self, data: st.DataObject) -> tuple[str, tuple[str, int]]:
        if not self.contents:
            return "", ("", 0)
        order_id = data.draw(st.sampled_from(sorted(self.contents)))
        return order_id, min(self.contents[order_id])

    def _post(self, order_id: str, product: str, quantity: int) -> None:
        order = {"product": product, "quantity": quantity, "order_id": order_id}
        status = self.chain.post(order)
        assert status in (202, 502), status
        known = self.contents.get(order_id, set()) | self.unsure.get(order_id, set())
        self.delivered_twice |= (product, quantity) in known
        answered = self.contents if status == 202 else self.unsure
        answered.setdefault(order_id, set()).add((product, quantity))

    # -- Faults ----------------------------------------------------------------------------------

    @passing_fault
    @rule(data=st.data(), operation=st.sampled_from(sorted(FAULTS)), times=st.sampled_from([1, 9]))
    def fail(self, data: st.DataObject, operation: str, times: int) -> None:
        fault = data.draw(st.sampled_from(FAULTS[operation]))
        times = 1 if self.gentle else times
        self.chain.faults.calls[operation] += [fault] * times
        self._count(times)
        self.delivered_twice |= fault == "reply lost"
        self._meet()

    @passing_fault
    @rule(function=st.sampled_from(names("").functions), calls=st.integers(0, 2))
    def kill(self, function: str, calls: int) -> None:
        self._kill(function, calls)

    def _kill(self, function: str, calls: int) -> None:
        self.chain.faults.kills[function].append(calls)
        self._count(1)
        self.delivered_twice |= calls > 0
        self._meet()

    @passing_fault
    @rule(
        part=st.sampled_from(PARTS),
        error=st.sampled_from(["EMFILE", "ENOSPC", "ENOMEM"]),
        times=st.sampled_from([1, 3, 9]),
    )
    def exhaust_the_machine(self, part: str, error: str, times: int) -> None:
        self._exhaust(part, error, 1 if self.gentle else times)

    def _exhaust(self, part: str, error: str, times: int) -> None:
        self.chain.faults.cloud[part] += [error] * times
        self._count(times)
        self._meet()

    @passing_fault
    @rule(function=st.sampled_from(names("").functions))
    def hang_while_starting(self, function: str) -> None:
        self.chain.faults.cloud[function].append("hangs")
        self._count(1)
        self._meet()

    @any_fault
    @rule(edit=st.sampled_from(sorted(EDITS)))
    def edit_a_handler(self, edit: tuple[str, str]) -> None:
        function, what = edit
        self.chain.edits[function] = what
        self.lasting = True
        self.delivered_twice |= what == "garbage"  # what was done is done again
        self._meet()

    @any_fault
    @rule(permission=st.sampled_from(PERMISSIONS))
    def take_a_permission_away(self, permission: tuple[str, str]) -> None:
        self.chain.take_away(*permission)
        self.lasting = True
        # What was received may be published, and then not deleted.
        self.delivered_twice |= permission[1] == "sqs:DeleteMessage"
        self._meet()

    @any_fault
    @rule()
    def take_the_permission_to_invoke_away(self) -> None:
        self.chain.forbid_topic()
        self.lasting = True

    @any_fault
    @rule(what=st.sampled_from(["table", "topic"]))
    def drop(self, what: str) -> None:
        self.chain.drop(what)
        self.lasting = True

    @rule()
    def delete_the_queue_if_it_is_empty(self) -> None:
        self.chain.delete_queue_if_empty()

    @passing_fault
    @rule()
    def deliver_from_the_queue_again(self) -> None:
        if self.chain.deliver_again():
            self._count(1)
            self.delivered_twice = True

    @rule()
    def deliver_from_the_topic_twice(self) -> None:
        self.chain.publish_twice = True
        self.delivered_twice = True

    @any_fault
    @rule(seconds=st.sampled_from([1, 40]))
    def be_slower_than_the_visibility_timeout(self, seconds: int) -> None:
        self.chain.set_visibility(seconds)
        self.chain.faults.seconds["notify_fulfillment"] = 50
        self.lasting = self.delivered_twice = True

    @rule()
    def fix(self) -> None:
        self.chain.fix()

    @rule(seconds=st.sampled_from([0.005, 0.015, 1, 100, 600]))
    def wait(self, seconds: float) -> None:
        self.chain.run(asyncio.sleep(seconds))

    def _count(self, times: int) -> None:
        self.passing += times
        self.lasting |= self.passing > 2

    def _meet(self) -> None:
        """Post an order that meets the fault: without one it would seldom matter."""
        self.post("tea", 1, 1)

    # -- The promise -----------------------------------------------------------------------------

    def teardown(self) -> None:
        self.chain.run(asyncio.sleep(1200))
        self.chain.fix()
        self.chain.settle()
        self._nothing_is_lost()
        if not self.lasting:
            self._nothing_is_given_up_too_early()
        self.chain.redrive()
        self.chain.settle()
        self._everything_is_fixed()

    def _nothing_is_lost(self) -> None:
        items, dead = self.chain.items(), self.chain.dead_letters()
        for order_id, contents in self.contents.items():
            for content in contents:
                is_item = items.get(order_id) == content
                times = is_item + dead[order_id, *content]
                assert times, f"{order_id} {content} is lost; met {self.chain.faults.met}"
                assert times == 1 or self.delivered_twice, f"{order_id} {content}: {times} times"
        for body in self.poison:
            assert dead[body], f"{body} is lost"
            assert dead[body] == 1 or self.delivered_twice, f"{body}: {dead[body]} times"

    def _nothing_is_given_up_too_early(self) -> None:
        items, dead = self.chain.items(), self.chain.dead_letters()
        for order_id in self.contents:
            assert order_id in items, f"{order_id} given up after {self.chain.faults.met}: {dead}"

    def _everything_is_fixed(self) -> None:
        items, dead = self.chain.items(), self.chain.dead_letters()
        for body in self.poison:
            assert dead.pop(body), f"{body} is lost"
        for order_id, contents in self.contents.items():
            assert items.get(order_id) in contents | self.unsure.get(order_id, set()), order_id
            for content in contents - {items[order_id]}:
                assert dead[order_id, *content], f"{order_id}'s conflict is lost"
        needless = [key for key in dead if items[key[0]] == key[1:]]
        assert not needless, f"{needless} can be recorded, and are stuck"


def play(chain: VirtualChain, runs: int) -> None:
    OrdersAndFaults.chain = chain
    run_state_machine_as_test(
        OrdersAndFaults,
        settings=settings(
            max_examples=runs,
            stateful_step_count=8,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_every_accepted_order_ends_as_one_item_or_one_dead_letter() -> None:
    with set_up(VirtualChain) as chain:
        play(chain, RUNS)


PLANTS = {
    "the put made unconditional": {
        "record_order": [
            ('            ConditionExpression="attribute_not_exists(order_id)",\n', ""),
            ('            ReturnValuesOnConditionCheckFailure="ALL_OLD",\n', ""),
        ]
    },
    "the partial batch reply left out": {
        "notify_fulfillment": [
            ("        raise raised", "        pass"),
            ("for i in problems]", "for i in []]"),
        ]
    },
    "a 202 though the order is not on the queue": {
        "take_order": [
            ("repr(error))\n        raise\n", 'repr(error))\n        message_id = ""\n')
        ],
    },
}


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("bug", PLANTS)
def test_the_machine_finds_a_planted_bug(bug: str) -> None:
    with set_up(VirtualChain, PLANTS[bug]) as chain, pytest.raises(AssertionError, match="is lost"):
        play(chain, MOST_RUNS)


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_the_machine_finds_retries_that_are_off() -> None:
    with set_up(VirtualChain) as chain:
        chain.turn_retries_off()
        with pytest.raises(AssertionError, match="given up"):
            play(chain, MOST_RUNS)


def take_everything(patch: pytest.MonkeyPatch) -> None:
    """SNS takes what it can give to nobody, and a message that nobody is given is dropped."""
    publish = Delivery.publish

    def drop(of: Delivery, *message: Any, **options: Any) -> None:
        with suppress(SNSException):
            publish(of, *message, **options)

    patch.setattr(publishing, "_refuse_message", lambda *_: None)
    patch.setattr(Delivery, "publish", drop)


def give_events_up(patch: pytest.MonkeyPatch) -> None:
    """An event that the cloud could not run is not tried again, and ends nowhere."""

    def give_up(_: Event) -> float:
        raise OSError("as before")

    patch.setattr(Event, "next_pause", give_up)


def drop_what_cannot_be_delivered(patch: pytest.MonkeyPatch) -> None:
    """A message that the cloud could not deliver is logged, and that is all."""
    dead_letter = Delivery._dead_letter

    def drop(of: Delivery, *letter: Any) -> None:
        if "the local cloud failed" not in letter[-1]:
            dead_letter(of, *letter)

    patch.setattr(notifications, "_PAUSES", ())
    patch.setattr(Delivery, "_dead_letter", drop)


HOLES = [take_everything, give_events_up, drop_what_cannot_be_delivered]


@pytest.mark.soak
@pytest.mark.timeout(400)
@pytest.mark.parametrize("hole", HOLES)
def test_the_machine_finds_a_hole_in_the_cloud(
    hole: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with set_up(VirtualChain) as chain:
        hole(monkeypatch)
        with pytest.raises(AssertionError, match="is lost"):
            play(chain, MOST_RUNS)
