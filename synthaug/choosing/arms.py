"""The remedies that are tried, simplest first."""

from __future__ import annotations

from synthaug.arm import Arm

__all__ = ["GAN_SHARES", "ORDINARY", "PLAIN", "gan_arms"]

PLAIN = Arm(name="plain", sampling="plain")

# The order is the order of simplicity: of arms that do equally well the first is taken.
ORDINARY: tuple[Arm, ...] = (
    PLAIN,
    Arm(name="class weights", sampling="plain", class_weights=True),
    Arm(name="oversampling", sampling="balanced"),
    Arm(name="oversampling + classical", sampling="balanced", classical=True),
)

GAN_SHARES = (0.15, 0.3, 0.5, 1.0)


def gan_arms() -> tuple[Arm, ...]:
    """The arms with generated images, low shares first.

    Example:
        >>> [arm.name for arm in gan_arms()][:2]
        ['GAN share 0.15', 'GAN share 0.15 + classical']
    """
    return tuple(
        Arm(
            name=f"GAN share {share:g}" + (" + classical" if classical else ""),
            sampling="balanced",
            classical=classical,
            gan_share=share,
        )
        for share in GAN_SHARES
        for classical in (False, True)
    )
