"""Evidence to verdicts: whether generated images are copied, unlike, collapsed, mislabelled."""

from synthaug.gates.copying import detectable_copies
from synthaug.gates.evidence import Limits
from synthaug.gates.judging import ImageJudgement, Judge, judge, judge_images
from synthaug.gates.sample import Sample, View, sample
from synthaug.gates.telling import utility_verdict

__all__ = [
    "ImageJudgement",
    "Judge",
    "Limits",
    "Sample",
    "View",
    "detectable_copies",
    "judge",
    "judge_images",
    "sample",
    "utility_verdict",
]
