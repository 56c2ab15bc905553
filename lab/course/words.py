"""What each hop of the chain is for, in a sentence or two, for the screen of that hop."""

from __future__ import annotations

from lab.course.names import Names


def words(n: Names) -> dict[str, str]:
    """The words of each hop, by its kind and name: "queue:CustomerOrders"."""
    return {**_up_to_the_queue(n), **_behind_the_queue(n), **_beside_the_chain(n)}


def _up_to_the_queue(n: Names) -> dict[str, str]:
    return {
        f"api:{n.api}": "The shop sends its orders here. Without the key, or with a body that is "
        "not an order, a request gets no further.",
        f"function:{n.take_order}": "Checks an order, gives it an id if it has none, and puts it "
        "on the queue. Only then does the shop get its 202.",
        f"queue:{n.queue}": f"Orders wait here until {n.notify_fulfillment} has passed them on. "
        "One that fails comes back later; after five tries it moves to the dead-letter queue.",
    }


def _behind_the_queue(n: Names) -> dict[str, str]:
    return {
        f"function:{n.notify_fulfillment}": "Gets up to ten orders at a time from the queue and "
        "publishes each one. It names those that it could not publish, and only they come back.",
        f"topic:{n.topic}": "Hands each order to everyone who subscribes: the fulfillment team by "
        f"e-mail, and {n.record_order}. It keeps nothing for those who subscribe later.",
        f"function:{n.record_order}": "Writes an order into the table. If the order comes twice, "
        "nothing changes. If its id comes with another order, that is an error.",
        f"table:{n.table}": "Orders end here: one item for each, however often it was delivered.",
        "mailbox": "The mail that the fulfillment team and the stakeholders get. The first mail of "
        "a subscription has the link that confirms it.",
    }


def _beside_the_chain(n: Names) -> dict[str, str]:
    return {
        f"queue:{n.queue_dead_letters}": f"Orders that {n.notify_fulfillment} could not pass on in "
        "five tries. `lab redrive` sends them back to the queue.",
        f"queue:{n.topic_dead_letters}": f"Orders that SNS could not hand to {n.record_order}: the "
        "function was gone, or the permission to call it.",
        f"queue:{n.function_dead_letters}": f"Orders that {n.record_order} could not write in "
        "three tries, with the error that it raised last.",
        f"topic:{n.stakeholders}": f"Tells its subscribers that the queue was gone, and that "
        f"{n.take_order} made a new one.",
    }
