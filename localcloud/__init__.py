"""AWS on your machine: moto's state, plus the parts that moto leaves to Docker.

`python -m localcloud` runs it. What it matches and what it does not is in PARITY.md.
"""
