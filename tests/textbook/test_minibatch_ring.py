"""Minibatch discrimination keeps modes that the same networks without it lose."""

from __future__ import annotations

import pytest
import ring

from synthaug.textbook import parts


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_minibatch_discrimination_keeps_more_modes_of_the_ring_than_without(seed):
    plain = ring.modes_with([], steps=1500, seed=seed)
    layer = parts.make("minibatch discrimination", kernels=8, dims=4)
    with_layer = ring.modes_with([layer], steps=1500, seed=seed)
    # Without the layer the game must fail, or the test would prove nothing.
    assert max(plain) <= 4
    assert min(with_layer) >= 7


def test_modes_are_counted():
    assert ring.modes(ring.CENTRES.repeat(10, axis=0)) == 8
    assert ring.modes(ring.CENTRES[:3].repeat(10, axis=0)) == 3
    assert ring.modes(0 * ring.CENTRES) == 0
