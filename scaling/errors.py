"""The one error of this room."""


class ScalingError(ValueError):
    """Data or options that cannot be scaled; the message names the group, the item or the column, and the remedy."""
