"""Studies simulated from a known law, and how well every quantity of the comparison estimates what it says it does."""
