"""This machine: the local cloud's process, the shell, the terminal."""
