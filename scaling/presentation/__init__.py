"""How tables and figures look, whatever they show."""
