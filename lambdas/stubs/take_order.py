"""take_order, by you: API Gateway hands it an order; it checks the order and puts it on the queue.

It answers 202 with {"order_id": ..., "status": "QUEUED"} once the order is on the queue. If the
body is no order, it answers 400 with {"message": "<field>: <what it must be>"}, and nothing goes
onto the queue. If SQS fails, the function fails, too: a 202 is a promise.
"""

import json
import time

from reference import find_queue, parse, reply, sqs


def lambda_handler(event, context):
    # 1. Read the order with parse(event["body"]). It raises ValueError(field, what it must be) if
    #    the body is no order. Answer that with reply(400, {"message": ...}).
    # 2. Add two times to the order: received_epoch_ms, which is requestTimeEpoch in
    #    event["requestContext"], and queued_epoch_ms, which is time.time_ns() // 1_000_000.
    # 3. Put the order on the queue, as JSON:
    #    sqs.send_message(QueueUrl=find_queue(), MessageBody=...)
    # 4. Answer with reply(202, {"order_id": ..., "status": "QUEUED"}).
    raise NotImplementedError("Write what the four comments say, in place of this line.")
