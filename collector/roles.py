"""Roles of those who have an account."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody is to the municipality; what each may stands with the pages."""

    POLICE = "police"
    MUNICIPALITY = "municipality"
    TECHNICIAN = "technician"
    ADMINISTRATOR = "administrator"
    SCHOOL = "school"
