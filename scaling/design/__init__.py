"""Before and during a study: how many choices it takes, and which pairs to ask next."""
