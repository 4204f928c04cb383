"""Slow, literal rewrites of the layers in plain NumPy, sharing nothing with synthaug.networks."""

import math

import numpy as np


def adain(x, scale, shift):
    """Karras, Laine, Aila 2019, equation 1; scale and shift (N, C)."""
    out = np.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            plane = x[n, c]
            mean = plane.mean()
            sd = math.sqrt(((plane - mean) ** 2).mean() + 1e-8)
            out[n, c] = scale[n, c] * (plane - mean) / sd + shift[n, c]
    return out


def pixel_norm(x):
    """Karras et al. 2018, section 4.2: b = a / sqrt(1/N sum a_j^2 + 1e-8)."""
    out = np.empty_like(x)
    n, _, height, width = x.shape
    for i in range(n):
        for row in range(height):
            for column in range(width):
                a = x[i, :, row, column]
                out[i, :, row, column] = a / math.sqrt(sum(v * v for v in a) / len(a) + 1e-8)
    return out


def minibatch_discrimination(f, tensor):
    """Salimans et al. 2016, section 3.2; f (n, A), tensor (A, B, C) to (n, A + B)."""
    n, kernels = len(f), tensor.shape[1]
    m = [sum(f[i][a] * tensor[a] for a in range(f.shape[1])) for i in range(n)]
    o = np.zeros((n, kernels))
    for i in range(n):
        for b in range(kernels):
            o[i, b] = sum(math.exp(-np.abs(m[i][b] - m[j][b]).sum()) for j in range(n))
    return np.concatenate([f, o], axis=1)


def minibatch_stddev(x):
    """Karras et al. 2018, section 3: deviation per feature and place, averaged to one number."""
    flat = x.reshape(len(x), -1)
    deviations = [math.sqrt(((column - column.mean()) ** 2).mean() + 1e-8) for column in flat.T]
    return float(np.mean(deviations))


def virtual_batch_norm(reference, x, weight, bias):
    """Salimans et al. 2016, section 3.4: one image at a time, by the reference batch and itself.

    The image counts as one more member of the batch of n: its pixels and theirs weigh the same.
    """
    out = []
    for image in x:
        members = np.concatenate([reference, image[None]])
        mean = members.mean((0, 2, 3))[:, None, None]
        variance = members.var((0, 2, 3))[:, None, None]
        normed = (image - mean) / np.sqrt(variance + 1e-5)
        out.append(weight[:, None, None] * normed + bias[:, None, None])
    return np.stack(out)


def largest_singular_value(weight):
    """Of a weight as a matrix of its first dimension by everything else."""
    return float(np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)[0])
