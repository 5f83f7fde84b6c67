"""What each role may."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from collector.roles import Role

__all__ = ["MAY", "Permission", "Role"]


class Permission(StrEnum):
    """Something that not everybody may."""

    SEE_PLAN = "see_plan"
    """When and where to go, and what followed."""
    SEE_DETAIL = "see_detail"
    """Single events, levels by the second, what happens now."""
    LOG_PATROL = "log_patrol"
    SEE_FLEET = "see_fleet"
    """How the nodes do."""
    COMMISSION = "commission"
    """Photographs of nodes: to add them, and to remove them."""
    REPORT_DISTURBANCE = "report_disturbance"
    EXPORT_EVIDENCE = "export_evidence"
    MANAGE_ACCOUNTS = "manage_accounts"
    """Who may log in, and in which role."""


MAY: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.SEE_PLAN: frozenset({Role.POLICE, Role.MUNICIPALITY, Role.ADMINISTRATOR}),
    Permission.SEE_DETAIL: frozenset(
        {Role.POLICE, Role.MUNICIPALITY, Role.TECHNICIAN, Role.ADMINISTRATOR}
    ),
    Permission.LOG_PATROL: frozenset({Role.POLICE, Role.MUNICIPALITY, Role.ADMINISTRATOR}),
    Permission.SEE_FLEET: frozenset({Role.MUNICIPALITY, Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Permission.COMMISSION: frozenset({Role.TECHNICIAN, Role.ADMINISTRATOR}),
    Permission.REPORT_DISTURBANCE: frozenset(
        {Role.POLICE, Role.MUNICIPALITY, Role.SCHOOL, Role.ADMINISTRATOR}
    ),
    Permission.EXPORT_EVIDENCE: frozenset({Role.POLICE, Role.MUNICIPALITY, Role.ADMINISTRATOR}),
    Permission.MANAGE_ACCOUNTS: frozenset({Role.ADMINISTRATOR}),
}
"""Who may what; whatever is not here is for everybody, the public view included."""
