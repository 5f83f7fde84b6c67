"""The commands of `skolro dashboards`."""
