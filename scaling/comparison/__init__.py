"""The comparison of models with people: one declaration an analysis, and what computes them."""
