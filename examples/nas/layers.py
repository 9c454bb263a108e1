# SPDX-License-Identifier: Apache-2.0
"""Layers of small convolutional networks in plain NumPy, each with its gradient; and the digits that they learn.

A layer takes and gives a Value: an array of images by rows by columns by channels, that knows how to hand a gradient
back to what it was made of. `backward` walks a network from its loss to its weights.
"""
import gzip
import importlib.util
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several trials share the machine
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np  # noqa: E402

TYPE = np.float32


class Value:
    """An array, its gradient once it is known, and `back`, which hands that gradient on to `parents`."""

    def __init__(self, data, parents=(), back=None):
        self.data, self.parents, self.back, self.grad = data, parents, back, None

    def add(self, grad):
        self.grad = grad if self.grad is None else self.grad + grad


def backward(loss):
    """Gradients of a Value that is one number, for all that it was made of."""
    order, seen = [], set()

    def visit(value):
        if id(value) in seen:
            return
        seen.add(id(value))
        for parent in value.parents:
            visit(parent)
        order.append(value)

    visit(loss)
    loss.grad = TYPE(1)
    for value in reversed(order):
        if value.back is not None and value.grad is not None:
            value.back(value.grad)


class Network:
    """Owns the weights: layers ask for them in the order in which they are built."""

    def __init__(self, seed):
        self.rng, self.weights, self.training = np.random.default_rng(seed), [], True

    def weight(self, shape, fan_in):
        """He's normal start; fan_in 0: zeros."""
        scale = np.sqrt(2 / fan_in) if fan_in else 0
        value = Value((self.rng.standard_normal(shape) * scale).astype(TYPE))
        self.weights.append(value)
        return value

    def weighted(self):
        """How many numbers it has learned."""
        return sum(weight.data.size for weight in self.weights)


def taps(rows, columns, size, stride, dilation=1):
    """The padding (before, after) by rows and columns, the size of the result, and the slices of the padded image that
    each tap of a window sees: the result is as large as the image, divided by the stride."""
    pads, sizes = [], []
    for length in (rows, columns):
        out = -(-length // stride)
        missing = max((out - 1) * stride + (size - 1) * dilation + 1 - length, 0)
        pads.append((missing // 2, missing - missing // 2))
        sizes.append(out)
    windows = [(slice(None), slice(i * dilation, i * dilation + (sizes[0] - 1) * stride + 1, stride),
                slice(j * dilation, j * dilation + (sizes[1] - 1) * stride + 1, stride))
               for i in range(size) for j in range(size)]
    return pads, sizes, windows


def padded(data, pads, fill=0):
    if not any(map(any, pads)):
        return data
    return np.pad(data, [(0, 0), *pads, (0, 0)], constant_values=fill)


def unpadded(grad, pads):
    return grad[:, pads[0][0]:grad.shape[1] - pads[0][1], pads[1][0]:grad.shape[2] - pads[1][1]]


class Convolution:
    def __init__(self, network, channels, filters, size, stride=1):
        self.shape = (size * size, channels, filters)
        self.size, self.stride = size, stride
        self.weight = network.weight((size * size * channels, filters), size * size * channels)

    def __call__(self, x):
        images, rows, columns, channels = x.data.shape
        pads, sizes, windows = taps(rows, columns, self.size, self.stride)
        wide = padded(x.data, pads)
        seen = np.concatenate([wide[window] for window in windows], axis=3).reshape(-1, len(windows) * channels)
        weight = self.weight

        def back(grad):
            flat = grad.reshape(-1, grad.shape[3])
            weight.add(seen.T @ flat)
            pulls = (flat @ weight.data.T).reshape(images, *sizes, len(windows), channels)
            out = np.zeros_like(wide)
            for tap, window in enumerate(windows):
                out[window] += pulls[:, :, :, tap]
            x.add(unpadded(out, pads))

        return Value((seen @ weight.data).reshape(images, *sizes, -1), (x, weight), back)


class DepthwiseConvolution:
    """Each channel on its own, `multiplier` filters each."""

    def __init__(self, network, channels, size, stride=1, multiplier=1, dilation=1):
        self.size, self.stride, self.dilation, self.multiplier = size, stride, dilation, multiplier
        self.weight = network.weight((size * size, channels, multiplier), size * size)

    def __call__(self, x):
        images, rows, columns, channels = x.data.shape
        pads, sizes, windows = taps(rows, columns, self.size, self.stride, self.dilation)
        wide, weight = padded(x.data, pads), self.weight
        out = np.zeros((images, *sizes, channels, self.multiplier), TYPE)
        for window, filters in zip(windows, weight.data):
            out += wide[window][..., None] * filters

        def back(grad):
            grad = grad.reshape(out.shape)
            pull, dweight = np.zeros_like(wide), np.empty_like(weight.data)
            for tap, window in enumerate(windows):
                for m in range(self.multiplier):
                    part = grad[..., m]
                    dweight[tap, :, m] = np.einsum("abcd,abcd->d", part, wide[window])
                    pull[window] += part * weight.data[tap, :, m]
            weight.add(dweight)
            x.add(unpadded(pull, pads))

        return Value(out.reshape(images, *sizes, -1), (x, weight), back)


class Pooling:
    """`kind`: "max_pooling" or "avg_pooling". What is outside the image counts for neither."""

    def __init__(self, kind, size, stride):
        self.kind, self.size, self.stride = kind, size, stride

    def __call__(self, x):
        pads, sizes, windows = taps(x.data.shape[1], x.data.shape[2], self.size, self.stride)
        largest = self.kind == "max_pooling"
        wide = padded(x.data, pads, -np.inf if largest else 0)
        if largest:
            out = wide[windows[0]]
            for window in windows[1:]:
                out = np.maximum(out, wide[window])
        else:
            ones = padded(np.ones((1, *x.data.shape[1:3], 1), TYPE), pads)
            counts = sum(ones[window] for window in windows)
            out = sum(wide[window] for window in windows) / counts

        def back(grad):
            pull = np.zeros_like(wide)
            if largest:
                left = np.ones_like(out, bool)  # the first of several that are equal has it all
                for window in windows:
                    here = left & (wide[window] == out)
                    pull[window] += grad * here
                    left &= ~here
            else:
                share = grad / counts
                for window in windows:
                    pull[window] += share
            x.add(unpadded(pull, pads))

        return Value(out, (x,), back)


class Normalisation:
    """Over the batch (Ioffe and Szegedy 2015), with running means for testing."""

    def __init__(self, network, channels, affine=True):
        self.network, self.batches = network, 0
        self.mean, self.variance = np.zeros(channels, TYPE), np.ones(channels, TYPE)
        self.scale, self.shift = Value(np.ones(channels, TYPE)), Value(np.zeros(channels, TYPE))
        if affine:
            network.weights += [self.scale, self.shift]

    def __call__(self, x):
        axes = (0, 1, 2)
        if self.network.training:
            mean, variance = x.data.mean(axes), x.data.var(axes)
            self.batches += 1
            share = TYPE(max(0.1, 1 / self.batches))
            self.mean += share * (mean - self.mean)
            self.variance += share * (variance - self.variance)
        else:
            mean, variance = self.mean, self.variance
        inverse = 1 / np.sqrt(variance + TYPE(1e-5))
        normal = (x.data - mean) * inverse
        scale, shift, training = self.scale, self.shift, self.network.training

        def back(grad):
            scale.add((grad * normal).sum(axes))
            shift.add(grad.sum(axes))
            pull = grad * scale.data
            if training:
                pull = pull - pull.mean(axes) - normal * (pull * normal).mean(axes)
            x.add(pull * inverse)

        return Value(normal * scale.data + shift.data, (x, scale, shift), back)


class Dense:
    def __init__(self, network, inputs, outputs):
        self.weight, self.bias = network.weight((inputs, outputs), inputs), network.weight(outputs, 0)

    def __call__(self, x):
        weight, bias = self.weight, self.bias

        def back(grad):
            weight.add(x.data.T @ grad)
            bias.add(grad.sum(0))
            x.add(grad @ weight.data.T)

        return Value(x.data @ weight.data + bias.data, (x, weight, bias), back)


class Chain:
    def __init__(self, *layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def relu(x):
    positive = x.data > 0
    return Value(x.data * positive, (x,), lambda grad: x.add(grad * positive))


def mean_of_image(x):
    """Of each channel."""
    size = x.data.shape[1] * x.data.shape[2]
    return Value(x.data.mean((1, 2)), (x,),
                 lambda grad: x.add(np.broadcast_to(grad[:, None, None] / TYPE(size), x.data.shape)))


def concatenated(values):
    """By channels. Larger images are sampled down to the smallest."""
    rows, columns = (min(v.data.shape[axis] for v in values) for axis in (1, 2))
    if len(values) == 1:
        return values[0]
    picks, ends = [], np.cumsum([0] + [v.data.shape[3] for v in values])
    for v in values:
        picks.append(np.ix_(range(len(v.data)), ((np.arange(rows) + 0.5) * v.data.shape[1] / rows).astype(int),
                            ((np.arange(columns) + 0.5) * v.data.shape[2] / columns).astype(int)))

    def back(grad):
        for v, pick, begin, end in zip(values, picks, ends, ends[1:]):
            pull = np.zeros_like(v.data)
            pull[pick] = grad[..., begin:end]
            v.add(pull)

    return Value(np.concatenate([v.data[pick] for v, pick in zip(values, picks)], axis=3), tuple(values), back)


def total(values):
    def back(grad):
        for v in values:
            v.add(grad)

    return Value(sum(v.data for v in values), tuple(values), back)


def mixture(values, logits):
    """The mean of `values`, weighed by the softmax of a row of numbers."""
    weights = np.exp(logits.data - logits.data.max())
    weights /= weights.sum()

    def back(grad):
        pulls = np.array([np.vdot(grad, v.data) for v in values], TYPE)
        logits.add(weights * (pulls - weights @ pulls))
        for v, weight in zip(values, weights):
            v.add(grad * weight)

    return Value(sum(v.data * weight for v, weight in zip(values, weights)), (logits, *values), back)


def cross_entropy(scores, labels):
    """The mean loss, a Value, and the share that is right."""
    shifted = scores.data - scores.data.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(labels))

    def back(grad):
        pull = np.exp(logs)
        pull[rows, labels] -= 1
        scores.add(pull * (grad / TYPE(len(labels))))

    return Value(-logs[rows, labels].mean(), (scores,), back), float((logs.argmax(1) == labels).mean())


class Adam:
    """Kingma and Ba 2015; weights that had no gradient stay."""

    def __init__(self, weights, rate, betas=(0.9, 0.999), decay=0.0):
        self.weights, self.rate, self.betas, self.decay, self.step = weights, rate, betas, decay, 0
        self.moments = [(np.zeros_like(w.data), np.zeros_like(w.data)) for w in weights]

    def update(self):
        self.step += 1
        first, second = self.betas
        rate = self.rate * np.sqrt(1 - second**self.step) / (1 - first**self.step)
        for weight, (mean, square) in zip(self.weights, self.moments):
            if weight.grad is None:
                continue
            grad = weight.grad + TYPE(self.decay) * weight.data
            mean += TYPE(1 - first) * (grad - mean)
            square += TYPE(1 - second) * (grad * grad - square)
            weight.data = weight.data - TYPE(rate) * mean / (np.sqrt(square) + TYPE(1e-8))
            weight.grad = None


class Momentum:
    """Stochastic gradient descent whose gradient is no longer than `clip`."""

    def __init__(self, weights, rate, momentum, decay, clip):
        self.weights, self.rate, self.momentum, self.decay, self.clip = weights, rate, momentum, decay, clip
        self.speeds = [np.zeros_like(w.data) for w in weights]

    def update(self):
        length = np.sqrt(sum(np.vdot(w.grad, w.grad) for w in self.weights if w.grad is not None))
        scale = TYPE(min(1, self.clip / max(length, 1e-12)) if self.clip > 0 else 1)
        for weight, speed in zip(self.weights, self.speeds):
            if weight.grad is None:
                continue
            speed *= TYPE(self.momentum)
            speed += weight.grad * scale + TYPE(self.decay) * weight.data
            weight.data = weight.data - TYPE(self.rate) * speed
            weight.grad = None


def digits(images=0):
    """scikit-learn's 1,797 digits of 8 by 8, or the first `images` of them in an order that is always the same: images in
    [0, 1] with one channel, and labels. Its file is read without its code, which takes longer to load than a network
    to train."""
    found = importlib.util.find_spec("sklearn")
    if found is None:
        raise SystemExit("the digits come with scikit-learn, which is not installed: python3-sklearn")
    path = os.path.join(found.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt") as file:
        table = np.array([line.split(",") for line in file], dtype=np.float32)
    table = table[np.random.default_rng(0).permutation(len(table))[:images or None]]
    return (table[:, :-1] / 16).reshape(-1, 8, 8, 1).astype(TYPE), table[:, -1].astype(int)


def batches(count, size, rng):
    """The numbers of the images of each batch; a last one of a few is left out where there are others."""
    order = rng.permutation(count)
    for at in range(0, count, size):
        if at == 0 or count - at >= size // 2:
            yield order[at:at + size]


def images_wanted():
    """NAS_IMAGES: with how many images to do, for a quick look; 0: all."""
    return int(os.environ.get("NAS_IMAGES", "0"))


def epochs_wanted(told):
    """NAS_EPOCHS: at most so many, for a quick look."""
    return min(told, int(os.environ.get("NAS_EPOCHS", told)))
