"""What this machine gives: descriptors, connections, private files, the keys of a start."""
