"""The `lab` commands."""
