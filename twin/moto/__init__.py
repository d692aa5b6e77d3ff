"""moto behind the Cloud. Importing it puts a handler into botocore for good: here it is taken out again, and
stands there only while a Cloud is backed by moto."""

from __future__ import annotations

from botocore.handlers import BUILTIN_HANDLERS

_before = list(BUILTIN_HANDLERS)

import moto.core.models  # noqa: E402

assert moto.core.models
MOTOS_HANDLERS = [handler for handler in BUILTIN_HANDLERS if handler not in _before]
"""Empty where somebody had imported moto before."""
BUILTIN_HANDLERS[:] = _before
