"""What the pictures of one call share: networks, loaded once, and who was met in them."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from pathlib import Path

from synthaug.errors import InputError
from synthaug.faces.detections import Detector
from synthaug.faces.detectors import default_detectors
from synthaug.faces.lookout import Lookout
from synthaug.faces.people import Acquaintances
from synthaug.faces.recognisers import Recogniser, recognisers
from synthaug.jobs.anonymizing.people import People, references
from synthaug.replacing.ladder import Ladder
from synthaug.replacing.latents import salt_of

__all__ = ["Album"]


class Album:
    """Loads each network when a picture first needs it, once for all pictures of a call.

    Args:
        keep: photographs of people who stay as they are; whoever may be somebody else is hidden.
        only: photographs of the only people to hide; whoever may be one of them is hidden.
        consistent: one new face for a person in all pictures.
        seed: of the faces; random where None.
        generator: folder that `train_faces` wrote, in place of the package's own generator.

    Attributes:
        met: the people of the pictures so far.

    Raises:
        InputError: people to keep and people to hide.
    """

    def __init__(
        self,
        *,
        keep: Sequence[str | Path] = (),
        only: Sequence[str | Path] = (),
        consistent: bool = False,
        seed: int | None = None,
        generator: Path | None = None,
    ) -> None:
        if keep and only:
            raise InputError("people", expected="either those to keep or those to hide", got="both")
        self._photos, self._hide, self._linked = tuple(keep or only), bool(only), consistent
        self._generator, self.met = generator, Acquaintances()
        self._salt = secrets.token_bytes(32) if seed is None else salt_of(seed)
        self._one_salt = consistent or seed is not None

    @functools.cached_property
    def lookout(self) -> Lookout:
        """What finds faces."""
        return Lookout()

    @functools.cached_property
    def people(self) -> People | None:
        """Those of the photographs; None where nobody has to be recognised.

        Raises:
            InputError: no recogniser, or a photograph without one face.
        """
        return references(
            self._photos, hide=self._hide, lookout=self.lookout, linked=self._linked
        )  # fmt: skip

    @functools.cached_property
    def detectors(self) -> tuple[Detector, Detector]:
        """What looks for open faces in the audit."""
        return default_detectors()

    @functools.cached_property
    def recognisers(self) -> list[Recogniser]:
        """Who looks in the audit whether people can be recognised."""
        return recognisers()

    @functools.cached_property
    def _ladder(self) -> Ladder:
        return Ladder.usual(self._generator)

    @property
    def ladder(self) -> Ladder:
        """What draws faces, for one picture: what it says is said of that one."""
        return self._ladder.renewed()

    @property
    def salt(self) -> bytes:
        """Of a picture's latents; another in each, unless people or a seed link them."""
        return self._salt if self._one_salt else secrets.token_bytes(32)

    def unload(self) -> None:
        """Let the networks go: a video needs the room."""
        for name in ("lookout", "people", "detectors", "recognisers", "_ladder"):
            self.__dict__.pop(name, None)
