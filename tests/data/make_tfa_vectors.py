"""Makes tfa_vectors.npz: what the layers of TensorFlow Addons 0.23 compute. Not part of the tests; run once, by hand:

    python3.11 -m venv /tmp/tfa && /tmp/tfa/bin/pip install tensorflow==2.15.* tensorflow-addons==0.23.0
    /tmp/tfa/bin/python tests/data/make_tfa_vectors.py

TensorFlow Addons cannot be imported beside Keras 3; BUILD_NOTES.md, "TensorFlow Addons", tells why it is not needed.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

rng = np.random.default_rng(0)
image = (3 * rng.standard_normal((2, 9, 7, 4)) + 1).astype("float32")
kernel = rng.standard_normal((3, 3, 4, 5)).astype("float32")
vector_u = rng.standard_normal((1, 5)).astype("float32")

norm = tfa.layers.InstanceNormalization(epsilon=1e-5, center=False, scale=False)
instance_norm = norm(image).numpy()

conv = tf.keras.layers.Conv2D(5, 3, use_bias=False)
spectral = tfa.layers.SpectralNormalization(conv, power_iterations=1)
spectral.build(image.shape)
conv.kernel.assign(kernel)
spectral.u.assign(vector_u)
trained = [spectral(image, training=True).numpy() for _ in range(3)]
used = spectral(image, training=False).numpy()

np.savez_compressed(
    Path(__file__).with_name("tfa_vectors.npz"),
    image=image,
    kernel=kernel,
    vector_u=vector_u,
    instance_norm=instance_norm,
    spectral_training=np.stack(trained),
    spectral_inference=used,
    spectral_kernel=conv.kernel.numpy(),
)
