"""When an interval says something."""

from __future__ import annotations

import numpy as np
import pytest

from sensor.passby.results import estimated, useful


@pytest.mark.parametrize(
    ("speed_kmh", "log_sigma", "wanted"),
    [(60.0, 0.05, True), (60.0, 0.2, False), (18.0, 0.2, True), (18.0, 0.35, False)],
)
def test_wide_in_parts_and_in_kmh_is_of_no_use(
    speed_kmh: float, log_sigma: float, wanted: bool
) -> None:
    estimate = estimated(float(np.log(speed_kmh / 3.6)), log_sigma, 1, "stereo", 2.0)
    assert useful(estimate) is wanted
