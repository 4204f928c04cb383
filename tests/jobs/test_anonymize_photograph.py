"""A photograph hidden for a gallery: another face where the face was, everything else as it was."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import astronaut

from synthaug.audit.leaks import likeness
from synthaug.faces import CenterFace
from synthaug.faces.geometry import cut, placement
from synthaug.faces.tracks import Source, Spot
from synthaug.jobs.anonymizing.photograph import hider
from synthaug.replacing.average import AverageFace
from synthaug.replacing.ladder import Ladder


@pytest.mark.parametrize("rungs", [(), (("average", AverageFace),)])
def test_the_face_is_gone_and_the_rest_stays(rungs):
    picture = np.ascontiguousarray(astronaut())
    faces = CenterFace()(picture)
    hide = hider(Ladder(rungs), b"salt")
    made, again = hide(picture, faces), hide(picture, faces)
    where = placement(Spot(faces.boxes[0], faces.points[0], 1.0, Source.DETECTED))
    crops = cut(picture, where, 48), cut(made, where, 48)
    assert likeness(*crops, where, picture.shape) < 0.8
    assert (made[300:] == picture[300:]).all()
    # Each face has a latent of its own.
    assert not rungs or (made != again).any()
