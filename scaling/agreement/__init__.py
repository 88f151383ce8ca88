"""Agreement with people: scale values by scene, correlations, pair by pair, and what people reach themselves."""
