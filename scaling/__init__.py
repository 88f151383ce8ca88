"""Scale values, their uncertainty, consistency and comparison, from the trials table alone."""
