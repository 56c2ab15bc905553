"""The local cloud: makes the services, and hands each signed request to the right one.

Everything runs on one event loop. moto's state belongs to the whole process, so a process can have
only one local cloud at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from localcloud import (
    arn,
    call,
    clock,
    deliver,
    like_aws,
    losses,
    members,
    models,
    steps,
    tasks,
    unserved,
    upstream,
)
from localcloud.apigateway.service import APIGateway
from localcloud.call import Call, UnreadableCallError
from localcloud.dynamodb.service import DynamoDB
from localcloud.host import start_key
from localcloud.host.start_key import StartKey
from localcloud.http import Request, Response, error_response
from localcloud.iam import enforce, signatures
from localcloud.iam.credentials import KnownCredentials
from localcloud.iam.service import IAM, STS
from localcloud.iam.signatures import RefusedSignatureError, Signed
from localcloud.lambda_ import states
from localcloud.lambda_.runtime.runtime import Runtime
from localcloud.lambda_.service import Lambda
from localcloud.logs.service import Logs
from localcloud.rates import Rates
from localcloud.service import Service
from localcloud.sns.mailbox import Mailbox
from localcloud.sns.service import SNS
from localcloud.sqs import query
from localcloud.sqs.service import SQS
from localcloud.trail import Trail

_LOSSES_SHOWN = 10  # in the status


@dataclass(frozen=True)
class Options:
    """How to run a local cloud."""

    mailbox: Path | None = None
    smtp: str | None = None
    concurrency: int = 10
    retry_delay: float = 60.0
    speed: float = 1.0
    queue_name_delay: float = 0.0
    role_delay: float = 0.0
    change_delay: float = states.MOMENT
    like_aws: bool = False
    client: str = "native"
    auth: bool = True
    log: Path | None = None
    until_stdin_ends: bool = False


_FAILS = (
    "The local cloud fails at this call of {}, which the tutorial does not use. PARITY.md says "
    "what it does; its log says where it failed."
)


class LocalCloud:
    """The services of the cloud, put together. It keeps its files below `directory`."""

    def __init__(self, options: Options, directory: Path, key: StartKey | None = None) -> None:
        upstream.install()
        self.key = key or start_key.make(0, Path.cwd(), auth=options.auth)
        self._known = KnownCredentials(self.key)
        self._speed = clock.speed = options.speed
        like_aws.is_on = options.like_aws
        self._rates = Rates(like_aws.RATES if options.like_aws else ())
        self.logs = Logs()
        self.runtime = Runtime(
            directory, self.logs.writer, concurrency=options.concurrency, client=options.client
        )
        self.lambda_ = Lambda(
            self.runtime,
            retry_delay=options.retry_delay,
            change_delay=options.change_delay,
        )
        keep = options.mailbox is not None
        self.mailbox = Mailbox(options.mailbox or directory / "mail", options.smtp, keep=keep)
        self.sns = SNS(self.mailbox)
        self.sqs = SQS(options.queue_name_delay)
        self.apigateway = APIGateway()
        # Stop from front to back: pollers and events first, then what they would fill.
        self.dynamodb = DynamoDB()
        every = (
            *(self.lambda_, self.sns, self.sqs, self.apigateway, self.logs),
            *(self.dynamodb, IAM(options.role_delay), STS()),
        )
        self.trail = Trail()
        self.services: dict[str, Service] = {service.name: service for service in every}
        self._moto_alone = Service()
        deliver.connect(every)
        self.address = ""
        self.is_closed = False
        self.on_stop: Callable[[], None] = lambda: None

    def bind(self, address: str) -> None:
        """Tell the parts that hand out addresses where the server listens."""
        self.address = self.runtime.address = self.sns.delivery.address = address

    def close(self) -> None:
        """Stop all work and every worker."""
        for service in self.services.values():
            service.stop()

    def reset(self) -> None:
        """Forget everything, as if just started."""
        self.close()
        clock.speed = self._speed
        losses.clear()
        for service in self.services.values():
            service.reset()
        self._rates.clear()
        self.trail.clear()
        steps.clear()
        upstream.reset()

    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing that waits would go on by itself."""
        return all(service.is_idle() for service in self.services.values())

    async def answer(self, request: Request) -> Response:
        """Answer a request to AWS's API. Raises RefusedSignatureError."""
        signed = self.signed(request)
        request = signatures.in_header(request, signed)
        if signed.service == "sqs" and query.is_spoken(request):
            return await query.answer(request, partial(self._read, signed))
        return await self._read(signed, request)

    async def _read(self, signed: Signed, request: Request) -> Response:
        try:
            made = call.read(request, signed.service, signed.region, signed.access_key_id)
        except UnreadableCallError as error:
            text = str(error)
            return error_response(request, 400, "SerializationException", text, signed.service)
        return await self._answer(made)

    async def _answer(self, made: Call) -> Response:
        service = self.services.get(made.service, self._moto_alone)
        judgement = enforce.judge(made, service, self._known)
        answer = (
            models.refusal(made)
            or judgement.refusal
            or self._rates.refusal(made)
            or unserved.refusal(made)
            or await service.handle(made)
            or upstream.ask(made.request)
        )
        if answer.status == 500 and members.decision(made.service, made.operation) is None:
            answer = made.error(501, "NotImplemented", _FAILS.format(made.operation))
        may = partial(enforce.may, made, self._known)
        answer = service.as_seen_by(made, answer, may)
        self.trail.add(made, answer, judgement.decisions)
        return answer

    def caller_of(self, made: Call) -> str:
        """Who made a call, in words that a page may show."""
        caller = enforce.caller_of(made.access_key_id, self._known)
        return "you" if caller is None else arn.parse(caller.role_arn or caller.arn).name

    def signed(self, request: Request) -> Signed:
        """Verify the request's signature; returns what it says. Raises RefusedSignatureError."""
        signed = signatures.read(request)
        if self.key.auth:
            signatures.verify(request, signed, self._known.find)
        return signed

    def is_of_our_user(self, request: Request) -> bool:
        """Whether a request to our own controls is signed with the key of the start. With
        `--auth off` our own header is enough, as a page of another site cannot send it."""
        if not self.key.auth:
            return "x-localcloud" in request.headers
        try:
            signed = self.signed(request)
        except RefusedSignatureError:
            return False
        return signed.service == "localcloud" and signed.access_key_id == self.key.access_key_id

    def whose(self) -> dict[str, Any]:
        """What anyone may know: that this is a local cloud, and whose it is."""
        return {
            "service": "localcloud",
            "address": f"http://{self.address}",
            "pid": os.getpid(),
            "user": self.key.user,
            "user_id": start_key.user_id(),
            "folder": self.key.folder,
            "auth": self.key.auth,
        }

    def status(self) -> dict[str, Any]:
        """What runs, waits and was lost, service by service."""
        return {
            "speed": clock.speed,
            "is_idle": self.is_idle(),
            "workers": self.runtime.processes(),
            "mailbox": None if self.mailbox.sends_out else str(self.mailbox.directory),
            "lost": losses.describe(_LOSSES_SHOWN),
            "restarts": tasks.restarted.total(),
            "runtime": self.runtime.describe(),
            "services": {name: each.describe() for name, each in self.services.items()},
        }
