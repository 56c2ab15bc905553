"""Lambda: its three types of invocation, and what triggers them."""
