from __future__ import annotations

from hypothesis import settings

settings.register_profile("visavis", deadline=None)  # no test watches the clock, whatever else the machine does
settings.load_profile("visavis")
