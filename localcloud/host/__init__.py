"""What this machine provides: descriptors, connections, private files, the keys of a start."""
