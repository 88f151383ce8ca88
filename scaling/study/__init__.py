"""What every analysis shares: the prepared study, the options, what an analysis declares, and the result."""
