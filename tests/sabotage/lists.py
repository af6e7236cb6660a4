"""Every sabotage, in the order of the lists."""

from __future__ import annotations

from typing import Final

from tests.sabotage.binding import BINDING
from tests.sabotage.confirming import CONFIRMING
from tests.sabotage.counting import COUNTING
from tests.sabotage.factors import FACTORS
from tests.sabotage.sabotage import Sabotage
from tests.sabotage.sending import SENDING

SABOTAGES: Final[tuple[Sabotage, ...]] = (*BINDING, *COUNTING, *SENDING, *FACTORS, *CONFIRMING)
