"""Real time for the one thread that must not be late: the one that takes sound from the card."""

from __future__ import annotations

import os
import resource
from typing import Final

_PRIORITY: Final = 10
"""Low among those in real time: above all that computes, below the kernel's own threads."""


def take_precedence() -> bool:
    """Let the calling thread go first, if this process may; whether it does.

    ``LimitRTPRIO`` of the unit allows it. Where it does not, sound is lost a little earlier on a
    machine that is busy with something else; what is lost is counted as always.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if allowed == 0:
        return False
    priority = _PRIORITY if allowed == resource.RLIM_INFINITY else min(_PRIORITY, allowed)
    try:
        # Children of ours would have no reason to go first.
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except OSError:
        return False
    return True
