"""Variability: how steady an observer is, how observers differ from each other, and which side they favour."""
