"""Lambda: invocations in their three kinds, and what triggers them."""
