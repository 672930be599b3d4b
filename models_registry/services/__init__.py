"""Everything that changes rows of the registry."""
