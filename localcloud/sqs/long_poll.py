"""A long poll: ReceiveMessage that waits until there is a message.

It waits here, on the event loop. Waiting inside moto would hold up everyone.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
"""

from __future__ import annotations

import asyncio

from localcloud import clock, upstream
from localcloud.call import Call
from localcloud.http import Response
from localcloud.sqs import queue as queues


async def receive(call: Call) -> Response:
    """Answer ReceiveMessage once there is a message, or the wait time is over."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while True:
        response = upstream.ask(call.request)
        if response.status != 200 or b'"Messages"' in response.body:
            return response
        queue = queues.at(call.parameters["QueueUrl"], call.region)
        if queue is None:
            return response
        wait = call.parameters.get("WaitTimeSeconds", queue.receive_message_wait_time_seconds)
        left = started + clock.seconds(float(wait or 0)) - loop.time()
        if left <= 0:
            return response
        await queue.wait_for_message(left)
        if queue.closed and queues.at(call.parameters["QueueUrl"], call.region) is not None:
            return response  # a new queue has its name; its messages are for calls from now on
