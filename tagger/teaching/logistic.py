"""Logistic regression with an L2 penalty and balanced classes: the head of a taught label.

The objective is that of scikit-learn's `LogisticRegression(C=STRENGTH, class_weight="balanced")`, without depending on
SciPy: the minimum of sum(s_i log(1 + exp(-y_i f(x_i)))) + |w|^2 / (2 C), the bias not penalised. It is convex and
smooth, so Newton's method finds it in a dozen steps. Each step's linear equations are solved by conjugate gradients
(Lin, Weng and Keerthi, "Trust region Newton method for large-scale logistic regression", JMLR 2008, section 2, here
with a line search), which never need the Hessian of 2048 features as a matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# Inverse of the penalty's strength. For rows of length one, values from 3 to 30 do equally well (CIFAR-10's classes by
# MobileNetV2's features, 40 + 40 examples).
STRENGTH = 10.0
_STEPS, _INNER = 60, 200
_PRECISION = 1e-7

_Vector = NDArray[np.float64]


def fit(
    rows: NDArray[np.float32],
    yes: NDArray[np.bool_],
    strength: float = STRENGTH,
    precision: float = _PRECISION,
    *,
    balanced: bool = True,
) -> tuple[NDArray[np.float32], float]:
    """Train on rows of length one, float32 (examples, features); returns weights, float32 (features,), and bias.

    `precision`: of the first step's gradient, so much may be left. `balanced`: both kinds count as much, however many
    there are; else every example does.
    Raises ValueError unless there are examples of both kinds.
    """
    count, positive = len(rows), int(yes.sum())
    if not 0 < positive < count:
        raise ValueError("examples of both kinds are needed")
    x = np.concatenate([rows, np.ones((count, 1), rows.dtype)], axis=1).astype(np.float64)
    signs = np.where(yes, 1.0, -1.0)
    shares = np.where(yes, count / (2 * positive), count / (2 * (count - positive))) if balanced else np.ones(count)
    penalty = np.full(x.shape[1], 1 / strength)
    penalty[-1] = 0.0
    w = np.zeros(x.shape[1])

    def loss(point: _Vector) -> float:
        return float(shares @ np.logaddexp(0, -signs * (x @ point)) + 0.5 * (penalty * point) @ point)

    first = 0.0
    for step in range(_STEPS):
        wrong = 1 / (1 + np.exp(np.clip(signs * (x @ w), -500, 500)))
        gradient = penalty * w - x.T @ (shares * signs * wrong)
        size = float(np.linalg.norm(gradient))
        first = first or size
        if size <= precision * first or (step and size == 0):
            break
        curvature = shares * wrong * (1 - wrong)

        def hessian(vector: _Vector, curvature: _Vector = curvature) -> _Vector:
            # The last term keeps it positive definite in the bias when every example is certain.
            return x.T @ (curvature * (x @ vector)) + penalty * vector + 1e-12 * vector

        direction = _solve(hessian, -gradient, min(0.1, np.sqrt(size / first)) * size)
        w = _along(loss, w, direction, float(gradient @ direction))
    return w[:-1].astype(np.float32), float(w[-1])


def _solve(matrix: Callable[[_Vector], _Vector], wanted: _Vector, tolerance: float) -> _Vector:
    """Conjugate gradients: x with matrix(x) = wanted, up to the tolerance."""
    found = np.zeros_like(wanted)
    rest, direction = wanted.copy(), wanted.copy()
    length = float(rest @ rest)
    for _ in range(_INNER):
        if np.sqrt(length) <= tolerance:
            break
        image = matrix(direction)
        step = length / float(direction @ image)
        found += step * direction
        rest -= step * image
        before, length = length, float(rest @ rest)
        direction = rest + (length / before) * direction
    return found


def _along(loss: Callable[[_Vector], float], start: _Vector, direction: _Vector, slope: float) -> _Vector:
    """A point along a direction where the loss is smaller (Armijo's rule); the start if there is none."""
    here, step = loss(start), 1.0
    while step > 1e-8:
        point: _Vector = start + step * direction
        if loss(point) <= here + 1e-4 * step * slope:
            return point
        step /= 2
    return start
