"""Numbers to verdicts: the status, and one sentence a person can act on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from synthaug.gates.copying import VoteTest
from synthaug.gates.evidence import Limits, Pool, holm, share
from synthaug.gates.labelling import Agreement
from synthaug.gates.realism import Comparison, Realism
from synthaug.gates.sample import Sample
from synthaug.verdict import Status, Verdict

__all__ = ["copy_verdicts", "label_verdicts", "realism_verdicts", "utility_verdict"]

Scopes = Mapping[str, tuple[Pool, Sample]]

_COPY_NULL = "share of votes on training images; labels of groups permuted"
_FIDELITY_NULL = "Fréchet distance beyond real against real, as a share of the real variance"
_DIVERSITY_NULL = "spread or crowding, whichever is worse, as a share of fresh real images'"
_LABEL_NULL = "agreement with a real-data classifier, less that of held-out real images"
_UTILITY_NULL = "balanced accuracy with generated images less without, paired over folds"


def copy_verdicts(scopes: Scopes, tests: Mapping[str, VoteTest], alpha: float) -> list[Verdict]:
    """One verdict a scope; scopes without a test are inconclusive.

    Args:
        scopes: real and generated images by scope.
        tests: what the vote test found.
        alpha: chance of any false failure among the scopes.
    """
    rejected = holm({scope: test.p_value for scope, test in tests.items()}, alpha)
    return [
        _copy(scope, pair, tests[scope], rejected[scope], alpha * share(scope, len(scopes)))
        if scope in tests
        else _inconclusive("copy", scope, pair, _COPY_NULL, _one_sided(pair[0]))
        for scope, pair in scopes.items()
    ]


def _one_sided(pool: Pool) -> str:
    train, heldout = _sides(pool)
    return f"{train} training and {heldout} held-out groups: both sides need one or more"


def _copy(
    scope: str, pair: tuple[Pool, Sample], test: VoteTest, failed: bool, alpha: float
) -> Verdict:
    pool, made = pair
    train, heldout = _sides(pool)
    upper = _upper(test.copied, len(made))
    blind = test.smallest_p > alpha or test.detectable is None
    if failed:
        status, action = Status.FAIL, "redraw"
        why = (
            f"{test.share:.0%} of the votes fall on training images where {test.expected:.0%} "
            f"would by chance; {test.copied} of {len(made)} images are near-copies."
        )
    elif blind:
        status, action = Status.INCONCLUSIVE, "none"
        why = (
            f"with votes on {test.voted} of {train} training and {heldout} held-out groups even "
            f"a set of copies could not be told at p {alpha:.2g}; "
            f"{_more_heldout(train, test.voted, alpha)}."
        )
    else:
        status, action = Status.PASS, "none"
        why = (
            f"no sign of copying; {test.detectable:.0%} copies would have been seen, "
            f"at most {upper:.0%} are near-copies."
        )
    return Verdict(
        gate="copy",
        scope=scope,
        status=status,
        statistic=test.share,
        p_value=test.p_value,
        interval=(0.0, upper),
        n_real=len(pool),
        n_generated=len(made),
        null=f"{_COPY_NULL}; interval: copied fraction",
        detectable=test.detectable,
        action=action,
        why=why,
    )


def _more_heldout(train: int, voted: int, alpha: float) -> str:
    """How many held-out groups would let five distinct copies, or as many as there are, be seen."""
    copies = max(1, min(5, train, voted))
    needed = math.ceil(train * (alpha ** (-1 / copies) - 1))
    return f"{max(needed, 5)} held-out groups would decide"


def _upper(count: int, n: int) -> float:
    """The upper 95 % bound of a share."""
    from scipy.stats import beta

    return 1.0 if count >= n else float(beta.ppf(0.95, count + 1, n - count))


def realism_verdicts(
    scopes: Scopes, found: Mapping[str, Realism], alpha: float, limits: Limits
) -> list[Verdict]:
    """A fidelity and a diversity verdict a scope; scopes too small are inconclusive.

    Args:
        scopes: real and generated images by scope.
        found: the comparison with fresh real images.
        alpha: chance of any false failure among the scopes, for each of the two gates.
        limits: how much worse than fresh real images is acceptable.
    """
    fidelity = {s: _either(r.frechet, r.kid) for s, r in found.items()}
    diversity = {s: _either(r.spread, r.crowding) for s, r in found.items()}
    far, collapsed = holm(fidelity, alpha), holm(diversity, alpha)
    verdicts = []
    for scope, (pool, made) in scopes.items():
        if scope not in found:
            why = (
                f"{len(pool)} real images in {pool.num_groups} groups and {len(made)} generated: "
                "20 in 5 groups and 10 would decide"
            )
            for gate, null in (("fidelity", _FIDELITY_NULL), ("diversity", _DIVERSITY_NULL)):
                verdicts.append(_inconclusive(gate, scope, (pool, made), null, why))
            continue
        pair, result = (pool, made), found[scope]
        tests = (fidelity[scope], far[scope]), (diversity[scope], collapsed[scope])
        verdicts.append(_fidelity(scope, pair, result, limits, tests[0]))
        verdicts.append(_diversity(scope, pair, result, limits, tests[1]))
    return verdicts


def _either(*comparisons: Comparison) -> float:
    """Bonferroni's p of several numbers."""
    return min(1.0, len(comparisons) * min(c.p_value for c in comparisons))


def _fidelity(
    scope: str,
    pair: tuple[Pool, Sample],
    found: Realism,
    limits: Limits,
    test: tuple[float, bool],
) -> Verdict:
    p_value, different = test
    failed = different and found.excess > limits.fidelity
    told = "can be told from" if different else "cannot be told from"
    null = found.frechet.null
    return Verdict(
        gate="fidelity",
        scope=scope,
        status=Status.FAIL if failed else Status.PASS,
        statistic=found.excess,
        threshold=limits.fidelity,
        p_value=p_value,
        n_real=len(pair[0]),
        n_generated=len(pair[1]),
        null=_FIDELITY_NULL,
        detectable=max(limits.fidelity, float(2.5 * null.std() / found.variance)),
        action="refuse class" if failed else "none",
        why=(
            f"Fréchet distance {found.frechet.value:.0f} where {found.size} real images give "
            f"{null.mean():.0f} ({found.frechet.ratio:.1f} times), KID {found.kid.value:.2g} "
            f"where they give up to {np.quantile(found.kid.null, 0.95):.2g}: the images {told} "
            f"fresh real ones and are {'too far' if failed else 'near enough'}."
        ),
    )


def _diversity(
    scope: str,
    pair: tuple[Pool, Sample],
    found: Realism,
    limits: Limits,
    test: tuple[float, bool],
) -> Verdict:
    p_value, different = test
    failed = different and found.diversity < limits.diversity
    low, high = found.support
    support = f"at least {low:.0f}" if math.isinf(high) else f"{low:.0f} to {high:.0f}"
    widest = max(float(c.null.std() / c.null.mean()) for c in (found.spread, found.crowding))
    return Verdict(
        gate="diversity",
        scope=scope,
        status=Status.FAIL if failed else Status.PASS,
        statistic=found.diversity,
        threshold=limits.diversity,
        p_value=p_value,
        n_real=len(pair[0]),
        n_generated=len(pair[1]),
        null=_DIVERSITY_NULL,
        detectable=min(limits.diversity, 1 - 2.5 * widest),
        action="refuse class" if failed else "none",
        why=(
            f"spread {found.spread.ratio:.2f} and distance to the nearest neighbour "
            f"{found.crowding.ratio:.2f} of fresh real images', recall {found.recall.value:.2f} "
            f"(real {found.recall.null.mean():.2f}), {support} different images by the "
            f"birthday paradox{': collapsed' if failed else ''}."
        ),
    )


def label_verdicts(
    scopes: Scopes, found: Mapping[str, Agreement], alpha: float, limits: Limits
) -> list[Verdict]:
    """One label verdict a scope; scopes without a classifier or held-out images inconclusive.

    Args:
        scopes: real and generated images by scope.
        found: agreement of generated and held-out images.
        alpha: chance of any false failure among the scopes.
        limits: how much worse than held-out images is acceptable.
    """
    worse = holm({scope: result.p_value for scope, result in found.items()}, alpha)
    verdicts = []
    for scope, (pool, made) in scopes.items():
        if scope not in found:
            why = "a classifier needs two classes, and each class held-out images to compare with"
            verdicts.append(_inconclusive("label", scope, (pool, made), _LABEL_NULL, why))
            continue
        result = found[scope]
        failed = worse[scope] and result.difference < -limits.label
        verdicts.append(
            Verdict(
                gate="label",
                scope=scope,
                status=Status.FAIL if failed else Status.PASS,
                statistic=result.difference,
                threshold=-limits.label,
                p_value=result.p_value,
                interval=result.interval,
                n_real=result.num_real,
                n_generated=len(made),
                null=_LABEL_NULL,
                detectable=result.detectable,
                action="redraw" if failed else "none",
                why=(
                    f"a classifier trained on real images agrees with {result.generated:.0%} of "
                    f"the labels; with {result.real:.0%} of held-out real images'."
                ),
            )
        )
    return verdicts


def utility_verdict(
    differences: Sequence[float], *, n_real: int, n_generated: int, alpha: float = 0.05
) -> Verdict:
    """Whether generated images help a probe, from paired differences of balanced accuracy.

    Args:
        differences: with less without, one a fold and seed, each -1 to 1.
        n_real: real images the probe saw.
        n_generated: generated images it saw.
        alpha: chance to call images harmful that are not.

    Returns:
        FAIL where they harm, PASS where the interval shows no harm of a point or more,
        INCONCLUSIVE with the number of differences that would decide otherwise.

    Example:
        >>> verdict = utility_verdict([0.02, 0.01, 0.03], n_real=100, n_generated=50)
        >>> str(verdict.status)
        'PASS'
    """
    from scipy.stats import t

    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        why, interval, mean, p = "two or more differences would decide.", None, math.nan, None
        status, detectable = Status.INCONCLUSIVE, None
    else:
        mean = float(values.mean())
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        reach = float(t.isf(0.025, len(values) - 1)) * error
        interval = (mean - reach, mean + reach)
        p = float(t.cdf(mean / error, len(values) - 1)) if error else float(mean >= 0)
        harms, safe = mean < 0 and p <= alpha, interval[0] > -_HARM
        status = Status.FAIL if harms else Status.PASS if safe else Status.INCONCLUSIVE
        needed = math.ceil(len(values) * (reach / max(mean + _HARM, _HARM / 2)) ** 2)
        detectable = 2.5 * error
        why = f"balanced accuracy {100 * mean:+.1f} points ({len(values)} paired differences)"
        why += f"; about {needed} would decide." if status is Status.INCONCLUSIVE else "."
    return Verdict(
        gate="utility",
        scope="set",
        status=status,
        statistic=mean,
        threshold=0.0,
        p_value=p,
        interval=interval,
        n_real=n_real,
        n_generated=n_generated,
        null=_UTILITY_NULL,
        detectable=detectable,
        action="reduce mixture" if status is Status.FAIL else "none",
        why=why,
    )


_HARM = 0.01


def _sides(pool: Pool) -> tuple[int, int]:
    train = len(np.unique(pool.groups[pool.in_train]))
    return train, pool.num_groups - train


def _inconclusive(gate: str, scope: str, pair: tuple[Pool, Sample], null: str, why: str) -> Verdict:
    return Verdict(
        gate=gate,
        scope=scope,
        status=Status.INCONCLUSIVE,
        statistic=math.nan,
        n_real=len(pair[0]),
        n_generated=len(pair[1]),
        null=null,
        why=f"{why}.",
    )
