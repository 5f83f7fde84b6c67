"""One module a dashboard, one function a panel; what they say stands in ``texts``."""
