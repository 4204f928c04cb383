"""Recognisers: numbers that are alike for one person; kept in memory only, never written."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.faces.detections import Detections
from synthaug.weights.registry import find, named, sha256_of

__all__ = ["DlibFaces", "MobileFaceNet", "Recogniser", "VGGFace2", "aligned", "recognisers"]

Floats = NDArray[np.float32]

# Where the five points come to lie in 112x112, as MobileFaceNet was trained.
_PLACES = np.array(
    [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]], np.float32
)


class Recogniser(Protocol):
    """Tells people apart.

    ``same`` is the cosine from which two photographs show one person, at most one pair of
    strangers in a thousand apart; ``other`` the one below which they show two, at most one
    pair of one person in a hundred apart; in between it cannot tell.
    """

    name: str
    sha256: str
    same: float
    other: float

    def __call__(self, image: NDArray[np.uint8], faces: Detections) -> Floats:
        """Unit vectors float32 (N, D) of the faces in an RGB picture, uint8 (H, W, 3)."""


def recognisers() -> list[Recogniser]:
    """All whose weights are here, the lightest first; nothing is fetched."""
    found: list[Recogniser] = []
    if find("mobilefacenet"):
        found.append(MobileFaceNet())
    with contextlib.suppress(InputError):
        found.append(DlibFaces())
    if find("vggface2"):
        found.append(VGGFace2())
    return found


class MobileFaceNet:
    """One million parameters, run by OpenCV; its weights are fetched once.

    Thresholds: 500 people of LFW held out, two photographs each, 128x128, YuNet's points;
    98.2 % of one person's pairs are above ``same``.

    Raises:
        InputError: the weights are not in the cache.

    Source: Chen, Liu, Gao, Han 2018, "MobileFaceNets: Efficient CNNs for Accurate Real-Time
    Face Verification on Mobile Devices". Differs: the mirrored face's numbers are added.
    """

    name = "mobilefacenet"
    same = 0.34
    other = 0.26

    def __init__(self) -> None:
        path = _weights(self.name)
        self.sha256 = named(self.name).sha256
        self._net = _cv2().dnn.readNetFromONNX(str(path))

    def __call__(self, image: NDArray[np.uint8], faces: Detections) -> Floats:
        """Unit vectors float32 (N, 128) of the faces in an RGB picture, uint8 (H, W, 3)."""
        rows = np.zeros((len(faces), 128), np.float32)
        for row, points in enumerate(faces.points):
            crop = aligned(image, points)
            # The network takes one face at a time.
            rows[row] = self._run(crop) + self._run(crop[:, ::-1])
        return _unit(rows)

    def _run(self, crop: NDArray[np.uint8]) -> Floats:
        x = (crop.astype(np.float32) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        self._net.setInput(np.ascontiguousarray(x.transpose(2, 0, 1)[None], np.float32))
        return np.asarray(self._net.forward(), np.float32).reshape(-1)


class DlibFaces:
    """dlib's ResNet, from the extra ``synthaug[dlib]``; it places its own 68 points.

    Thresholds: as for MobileFaceNet; 94.0 % of one person's pairs are above ``same``.

    Raises:
        InputError: the packages are not installed.

    Source: King 2017, "High Quality Face Recognition with Deep Metric Learning" (dlib 19.3).
    Differs: vectors are brought to unit length.
    """

    name = "dlib"
    same = 0.93
    other = 0.905

    def __init__(self) -> None:
        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or importlib.util.find_spec("dlib") is None:
            raise InputError(
                "dlib's recogniser", expected="dlib-bin and face_recognition_models",
                got="not installed", remedy='Run: pip install "synthaug[dlib]".',
                code="input.weights",
            )  # fmt: skip
        import dlib

        folder = Path(next(iter(spec.submodule_search_locations or ()))) / "models"
        weights = folder / "dlib_face_recognition_resnet_model_v1.dat"
        self.sha256 = sha256_of(weights)
        self._dlib: Any = dlib
        self._net = dlib.face_recognition_model_v1(str(weights))
        points = folder / "shape_predictor_68_face_landmarks.dat"
        self._points = dlib.shape_predictor(str(points))

    def __call__(self, image: NDArray[np.uint8], faces: Detections) -> Floats:
        """Unit vectors float32 (N, 128) of the faces in an RGB picture, uint8 (H, W, 3)."""
        rows = np.zeros((len(faces), 128), np.float32)
        image = np.ascontiguousarray(image)
        for row, points in enumerate(faces.points):
            shape = self._points(image, self._square(points))
            rows[row] = self._net.compute_face_descriptor(image, shape)
        return _unit(rows)

    def _square(self, points: Floats) -> Any:
        """The rectangle dlib's own detector would give: a square from brows to chin."""
        matrix = _similarity(points)
        back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
        x, y = (back @ (56.0, 72.0, 1.0))[:2]
        half = 43.0 / float(np.hypot(*matrix[0, :2]))
        return self._dlib.rectangle(*(round(v) for v in (x - half, y - half, x + half, y + half)))


class VGGFace2:
    """facenet-pytorch's Inception network, where its weights are in the cache.

    Its thresholds were not measured by us: they are taken wide on purpose.

    Raises:
        InputError: the weights are not in the cache.

    Source: Schroff, Kalenichenko, Philbin 2015, "FaceNet: A Unified Embedding for Face
    Recognition and Clustering"; trained on VGGFace2 by facenet-pytorch. Differs: none.
    """

    name = "vggface2"
    same = 0.65
    other = 0.25

    def __init__(self) -> None:
        path = _weights(self.name)
        self.sha256 = named(self.name).sha256
        import torch
        from facenet_pytorch import InceptionResnetV1

        self._net = InceptionResnetV1(pretrained=None)
        state = torch.load(path, map_location="cpu", weights_only=True)
        # The published file holds its training's classifier too.
        self._net.load_state_dict(
            {name: value for name, value in state.items() if not name.startswith("logits")}
        )
        self._net.eval()

    def __call__(self, image: NDArray[np.uint8], faces: Detections) -> Floats:
        """Unit vectors float32 (N, 512) of the faces in an RGB picture, uint8 (H, W, 3)."""
        import torch

        rows = np.zeros((len(faces), 512), np.float32)
        for row, points in enumerate(faces.points):
            crop = aligned(image, points, side=160).astype(np.float32)
            x = torch.from_numpy((crop - 127.5) / 128).permute(2, 0, 1)[None]
            with torch.inference_mode():
                rows[row] = self._net(x)[0].numpy()
        return _unit(rows)


def aligned(image: NDArray[np.uint8], points: Floats, *, side: int = 112) -> NDArray[np.uint8]:
    """A face turned and scaled so that its five points (5, 2) lie where recognisers expect.

    Returns:
        uint8 (side, side, 3).
    """
    matrix = _similarity(points) * np.float32(side / 112)
    # Shrinking without averaging first would fold fine patterns into wrong ones.
    scale = float(np.hypot(*matrix[0, :2]))
    if scale < 0.5:
        image = _cv2().resize(
            image, None, fx=2 * scale, fy=2 * scale, interpolation=_cv2().INTER_AREA
        )
        matrix = matrix.copy()
        matrix[:, :2] /= 2 * scale
    crop: NDArray[np.uint8] = _cv2().warpAffine(
        image, matrix, (side, side), flags=_cv2().INTER_LINEAR, borderMode=_cv2().BORDER_REPLICATE
    )
    return crop


def _similarity(points: Floats) -> Floats:
    """Turn, scale and shift that bring points nearest to their places, float32 (2, 3).

    Source: Umeyama 1991, "Least-Squares Estimation of Transformation Parameters Between Two
    Point Patterns". Differs: mirrored solutions are left out.
    """
    middle, goal = points.mean(0), _PLACES.mean(0)
    a, b = points - middle, _PLACES - goal
    spread = max(float((a**2).sum()), 1e-6)
    cos = float((a * b).sum()) / spread
    sin = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    turn = np.array([[cos, -sin], [sin, cos]], np.float32)
    return np.concatenate([turn, (goal - turn @ middle)[:, None]], 1).astype(np.float32)


def _weights(name: str) -> Path:
    path = find(name)
    if path is None:
        raise InputError(
            f"weights {name}", expected="them in the cache", got="none",
            remedy=f"Run: synthaug models get {name}.", code="input.weights",
        )  # fmt: skip
    return path


def _unit(rows: Floats) -> Floats:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-9), np.float32)


@functools.cache
def _cv2() -> Any:
    import cv2

    return cv2
