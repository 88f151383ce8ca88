"""Scale values: models of choices, their fits, their uncertainty and their tests."""
