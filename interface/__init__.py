"""visavis: one experiment definition for people and vision-language models."""
