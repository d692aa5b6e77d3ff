"""Global Accelerator's control plane, which lives far from most failovers."""

from ...rows import Rows

ROWS = (Rows("globalaccelerator", home="us-west-2"),)
