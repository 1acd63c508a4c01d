"""The security SDK: every application package holds a copy, which runs from where it is installed.

Business logic module (``business``) over the security module's three layers: ``interface``,
``core``, ``store``.  It stands on ``protocol`` and the standard library alone.
"""

from .business import Billing as Billing
from .terms import Comparisons as Comparisons
from .terms import Keystore as Keystore
from .terms import Place as Place
from .terms import SealedRequest as SealedRequest
