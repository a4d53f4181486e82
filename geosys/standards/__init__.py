"""Standards of water and soil: limits as tables, graders as pure functions over arrays."""
