"""One folder that can be deposited as it is: BIDS and Psych-DS, RO-Crate, Croissant, codebook, README, checksums."""

from .identities import identity_findings
from .publication import publish

__all__ = ["identity_findings", "publish"]
