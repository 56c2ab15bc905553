"""SQS: queues, messages and their limits."""
