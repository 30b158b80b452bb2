"""The same computations as the package's, written anew with loops and NumPy, for comparison."""

import numpy as np


def pad(x, amount, mode):
    width = [(0, 0), (amount, amount), (amount, amount), (0, 0)]
    return np.pad(x, width, mode="reflect") if mode == "reflect" else np.pad(x, width)


def conv(x, kernel, bias, stride=1):
    """Valid convolution: `x` (batch, height, width, in), `kernel` (k, k, in, out)."""
    k = kernel.shape[0]
    rows, cols = (x.shape[1] - k) // stride + 1, (x.shape[2] - k) // stride + 1
    out = np.zeros((x.shape[0], rows, cols, kernel.shape[-1]))
    for i in range(rows):
        for j in range(cols):
            window = x[:, i * stride : i * stride + k, j * stride : j * stride + k]
            out[:, i, j] = np.tensordot(window, kernel, 3) + bias
    return out


def transposed_conv(x, kernel, bias):
    """PyTorch's ConvTranspose2d(3, stride 2, padding 1, output_padding 1); `kernel` in Keras' layout (k, k, out, in).

    Every input pixel stamps the kernel on the output at twice its place; the stamp's centre lies on that place.
    """
    batch, height, width, _ = x.shape
    out = np.zeros((batch, 2 * height + 2, 2 * width + 2, kernel.shape[2]))
    for i in range(height):
        for j in range(width):
            out[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += np.einsum("bc,ijoc->bijo", x[:, i, j], kernel)
    return out[:, 1 : 2 * height + 1, 1 : 2 * width + 1] + bias


def instance_norm(x, epsilon=1e-5):
    out = np.empty_like(x, dtype="float64")
    for b in range(x.shape[0]):
        for c in range(x.shape[-1]):
            plane = x[b, :, :, c].astype("float64")
            out[b, :, :, c] = (plane - plane.mean()) / np.sqrt(plane.var() + epsilon)
    return out


def halve(x):
    """3x3 means, stride 2, over the pixels that lie inside the picture."""
    batch, height, width, channels = x.shape
    out = np.zeros((batch, (height + 1) // 2, (width + 1) // 2, channels))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            rows, cols = slice(max(2 * i - 1, 0), 2 * i + 2), slice(max(2 * j - 1, 0), 2 * j + 2)
            out[:, i, j] = x[:, rows, cols].mean((1, 2))
    return out


def boundary(instance_map):
    """(height, width) ids -> (height, width) of 0 and 1."""
    height, width = instance_map.shape
    out = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            for y, x in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                if 0 <= y < height and 0 <= x < width and instance_map[y, x] != instance_map[i, j]:
                    out[i, j] = 1
    return out


def one_hot(label_map, num_classes, dont_care=()):
    out = np.zeros((*label_map.shape, num_classes))
    for label in range(num_classes):
        if label not in dont_care:
            out[..., label] = label_map == label
    return out


def instance_means(x, instance_map):
    """Every pixel replaced by the mean of its sample's pixels of the same id."""
    out = np.empty_like(x)
    for sample, ids, result in zip(x, instance_map, out):
        for i in set(ids.ravel().tolist()):
            result[ids == i] = sample[ids == i].mean(axis=0, dtype="float64")
    return out
