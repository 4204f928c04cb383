"""Minibatch discrimination keeps modes that the same networks without it lose."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from synthaug.textbook import parts

_PATH = Path(__file__).with_name("ring_layers.py")
_SPEC = importlib.util.spec_from_file_location("ring_layers", _PATH)
ring = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(ring)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_minibatch_discrimination_keeps_more_modes_of_the_ring_than_without(seed):
    plain = ring.modes_found([], steps=1500, seed=seed)
    layer = parts.make("minibatch discrimination", kernels=8, dims=4)
    with_layer = ring.modes_found([layer], steps=1500, seed=seed)
    # Without the layer the game must fail, or the test would prove nothing.
    assert max(plain) <= 4
    assert min(with_layer) >= 7


def test_modes_are_counted():
    assert ring.modes(ring.CENTRES.repeat(10, axis=0)) == 8
    assert ring.modes(ring.CENTRES[:3].repeat(10, axis=0)) == 3
    assert ring.modes(0 * ring.CENTRES) == 0
