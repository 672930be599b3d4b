"""Everything that is read from the registry's rows."""
