"""Everyone who answers."""
