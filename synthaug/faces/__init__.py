"""Faces in pictures: found by detectors that agree, or doubted."""

from synthaug.faces.detections import Detections, Detector, agreeing, overlap, without_twins
from synthaug.faces.detectors import CenterFace, MTCNNFaces, YuNet, default_detectors
from synthaug.faces.magnified import Magnified

__all__ = [
    "CenterFace",
    "Detections",
    "Detector",
    "MTCNNFaces",
    "Magnified",
    "YuNet",
    "agreeing",
    "default_detectors",
    "overlap",
    "without_twins",
]
