"""Simulated towns with known truth: who drives where and when, and what the nodes make of it.

From the happenings of one town come both tables for statistics (:mod:`deploy.town.tables`) and
signed messages (:mod:`deploy.town.history`), so that what holds of the one holds of the other.
"""
