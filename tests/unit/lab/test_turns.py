"""Turns: calls of many processes keep to the rates of their account together."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lab.aws import rates, turns
from lab.aws.rates import RATES, Rate
from lab.aws.session import Session
from lab.aws.turns import Turns


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def times(file: Path, calls: list[tuple[str, str]]) -> list[float]:
    """When each of these calls gets its turn, as seconds from the first, if all ask at once."""
    found = []
    for service, operation in calls:
        clock = Clock()
        Turns(file, clock=clock.time, sleep=clock.sleep).wait(service, operation)
        found.append(round(clock.now - 1000.0, 6))
    return found


def test_a_call_of_a_slow_kind_gets_one_turn_each_interval(tmp_path: Path) -> None:
    found = times(tmp_path / "turns.json", [("api-gateway", "CreateDeployment")] * 4)
    assert found == [0, 5, 10, 15]


def test_a_burst_is_free_and_the_rest_follows_at_the_rate(tmp_path: Path) -> None:
    found = times(tmp_path / "turns.json", [("api-gateway", "GetStages")] * 45)
    assert found[:40] == [0] * 40
    assert found[40:] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


def test_calls_of_one_service_share_its_rate_and_others_do_not_wait(tmp_path: Path) -> None:
    mixed = [("api-gateway", name) for name in ("GetStages", "GetModels")] * 21
    found = times(tmp_path / "turns.json", [*mixed, ("sqs", "CreateQueue"), ("lambda", "Invoke")])
    assert found[40:] == pytest.approx([0.1, 0.2, 0, 0])


def test_nobody_waits_behind_a_slow_call_for_what_the_whole_service_may(tmp_path: Path) -> None:
    calls = [("api-gateway", "DeleteRestApi")] * 10 + [("api-gateway", "GetStages")]
    assert times(tmp_path / "turns.json", calls)[-2:] == [270, 0]


def test_who_asks_later_waits_less_and_an_idle_account_owes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    made = Turns(tmp_path / "turns.json", clock=clock.time, sleep=clock.sleep)
    starts = []
    for pause in (0, 2, 100):
        clock.now += pause
        made.wait("api-gateway", "DeleteRestApi")
        starts.append(clock.now - 1000)
    assert starts == [0, 30, 130]


@pytest.mark.parametrize("name", sorted(RATES))
def test_no_window_has_more_than_the_rate_allows(tmp_path: Path, name: str) -> None:
    service, _, operation = name.partition(".")
    rate = RATES[name]
    calls = 3 * rate.burst + 3
    found = times(tmp_path / "turns.json", [(service, operation or "GetStages")] * calls)
    for first, last in itertools.combinations(range(calls), 2):
        allowed = rate.burst + (found[last] - found[first]) / rate.seconds
        assert last - first + 1 <= allowed + 1e-3


def test_those_who_ask_at_the_same_time_get_turns_of_their_own(tmp_path: Path) -> None:
    slept: list[float] = []
    made = Turns(tmp_path / "turns.json", clock=lambda: 0.0, sleep=slept.append)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(40):
            pool.submit(made.wait, "api-gateway", "CreateRestApi")
    waits = sorted(seconds for seconds in slept if seconds > 1e-6)
    assert waits == [3.0 * turn for turn in range(1, 40)]


def test_a_call_waits_before_it_is_signed_and_only_in_a_process_that_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []

    def wait(_: Turns, service: str, operation: str) -> None:
        happened.append(f"{service}.{operation} waits")

    def sign(**_: Any) -> None:
        happened.append("is signed")
        raise KeyboardInterrupt  # nothing is sent

    monkeypatch.setattr(Turns, "wait", wait)
    for shares, expected in (
        (str(tmp_path / "turns.json"), ["api-gateway.GetRestApis waits", "is signed"]),
        ("", ["is signed"]),
    ):
        monkeypatch.setenv(turns.VARIABLE, shares)
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client: Any = Session("http://127.0.0.1:9", region_name="us-east-1", **keys).client(
            "apigateway"
        )
        client.meta.events.register("before-sign", sign)
        happened.clear()
        with pytest.raises(KeyboardInterrupt):
            client.get_rest_apis()
        assert happened == expected


def test_the_file_holds_times_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "turns.json"
    times(file, [("api-gateway", "CreateRestApi")])
    assert json.loads(file.read_text("utf-8")) == pytest.approx(
        {"api-gateway": 1000.1, "api-gateway.CreateRestApi": 1003.0}
    )


def test_how_long_calls_take_follows_from_the_slowest_rate() -> None:
    name, seconds = rates.slowest({"api-gateway.CreateDeployment": 30, "api-gateway.*": 30})
    assert (name, seconds) == ("api-gateway.CreateDeployment", 150)
    name, seconds = rates.slowest({"api-gateway.CreateDeployment": 30, "api-gateway.*": 1770})
    assert (name, round(seconds, 3)) == ("api-gateway", 176.1)
    assert rates.slowest({"sqs.CreateQueue": 1000}) == ("", 0)
    assert Rate(1, 40).takes(39) == 0
    assert rates.in_words("api-gateway") == "all calls of api-gateway, 10 a second"
    assert rates.in_words("api-gateway.DeleteRestApi") == "DeleteRestApi, one in 30 s"
    assert [rates.minutes(each) for each in (90, 150, 1770)] == ["90 s", "2.5 min", "29.5 min"]
