"""The public twin: the map for publication, with what was left out and why."""
