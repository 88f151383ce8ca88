"""The definition, the plan, the session log, the trials table and the one ``run``."""
