"""Is a summary what it says? Asked where no part of the system is, but what is imported here.

Needs no database and no broker: only the contract, the analysis and the other pure modules of
:mod:`collector.evidence`.
"""
