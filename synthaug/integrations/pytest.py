"""Judge a generator in a test suite: ``assert_synthetic``, as a function or a fixture.

For the fixture put ``pytest_plugins = ["synthaug.integrations.pytest"]`` into conftest.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from synthaug.integrations.extras import MissingExtra
from synthaug.verdict import Status, Verdicts

try:
    import pytest
except ImportError as error:
    raise MissingExtra("pytest", "test") from error

__all__ = ["assert_synthetic"]


def assert_synthetic(
    real: Any,
    synthetic: Any,
    *,
    train: Any = None,
    gates: Sequence[str] = (),
    conclusive: bool = False,
) -> Verdicts:
    """Fail the test, with the table of verdicts, where synthetic images fail a gate.

    Args:
        real: real images the generator never saw: a folder, arrays, anything
            `synthaug.evaluate` reads.
        synthetic: the images to judge, likewise.
        train: real images the generator was trained on; needed to tell copies.
        gates: names of the gates that count, such as ``"copy"``; all where empty.
        conclusive: also fail where a gate cannot tell at this number of images.

    Returns:
        The verdicts that counted.

    Raises:
        AssertionError: a gate failed; its message is the table.
        InputError: the images cannot be read.
    """
    __tracebackhide__ = True
    from synthaug.jobs.evaluate import evaluate

    found = evaluate(real, synthetic, train=train).verdicts
    counted = Verdicts(verdict for verdict in found if not gates or verdict.gate in gates)
    refused = {Status.FAIL, Status.INCONCLUSIVE} if conclusive else {Status.FAIL}
    bad = [v for v in counted if v.status in refused and not v.scope.startswith("image:")]
    if bad or not counted:
        raise AssertionError(
            f"synthetic images, judged by {', '.join(gates) or 'all gates'}:\n{counted}"
        )
    return counted


@pytest.fixture(name="assert_synthetic", scope="session")
def _assert_synthetic() -> Callable[..., Verdicts]:
    """The function `assert_synthetic`."""
    return assert_synthetic
