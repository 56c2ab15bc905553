"""The page of the local cloud: the chain as a picture, and a screen for each of its parts.

Everything is below `/_localcloud/console/`. Pages are complete without a script; one script of ours
puts in what has changed. They show what the services' `describe()` and AWS's API tell, and change
nothing but by AWS calls.
"""

ROOT = "/_localcloud/console/"
