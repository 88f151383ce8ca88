"""The definition, the plan, the session log, the trials table and the one ``run``."""

from .bids import write_bids
from .definition import Definition, DefinitionError, definition_schema
from .experiment import Experiment
from .importing import LAYOUTS, Layout, import_choices, import_matrix, read_layout, write_layout
from .plan import Plan
from .run import RunResult, run
from .seam import (
    OUTCOMES,
    Capabilities,
    Choice,
    MissingKey,
    Observer,
    ObserverError,
    Outcome,
    Response,
    Trial,
    utc_now,
)
from .session import SessionError
from .status import read_status
from .table import COLUMNS, as_trials, find_sessions, load_trials, session_status
from .trial_sequence import make_plan
from .trials_file import write_trials

__all__ = [
    "COLUMNS",
    "LAYOUTS",
    "OUTCOMES",
    "Capabilities",
    "Choice",
    "Definition",
    "DefinitionError",
    "Experiment",
    "Layout",
    "MissingKey",
    "Observer",
    "ObserverError",
    "Outcome",
    "Plan",
    "Response",
    "RunResult",
    "SessionError",
    "Trial",
    "as_trials",
    "definition_schema",
    "find_sessions",
    "import_choices",
    "import_matrix",
    "load_trials",
    "make_plan",
    "read_layout",
    "read_status",
    "run",
    "session_status",
    "utc_now",
    "write_bids",
    "write_layout",
    "write_trials",
]
