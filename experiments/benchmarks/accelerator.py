"""The generators on a GPU, in bfloat16: ours on PyTorch and on JAX beside the PyTorch reference of the tests.

    python experiments/benchmarks/accelerator.py [HEIGHT WIDTH ENHANCERS BATCH] ...

Networks at the released code's width, forward passes, weights at random. Needs PyTorch and JAX, not TensorFlow. Prints
for each images a second, TFLOP/s (multiplications and additions of the reference's convolutions), and the share of the
rate that a product of two 8192 x 8192 matrices has on the same card.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
CHANNELS, REPEATS, WARM_UPS = 36, 20, 3
SIDES = ("reference", "reference compiled", "torch", "torch compiled", "jax")


def seconds(run, wait):
    """Median time of a call."""
    for _ in range(WARM_UPS):
        run()
    wait()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        wait()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def torch_device():
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def torch_wait():
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def matrix_rate(side=8192):
    """TFLOP/s of a product of two square matrices in bfloat16."""
    import torch

    side = side if torch.cuda.is_available() else 512
    a, b = (torch.randn(side, side, device=torch_device(), dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / seconds(lambda: a @ b, torch_wait) / 1e12


def reference(height, width, enhancers, batch, compiled):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from torch_reference import GlobalGenerator, LocalEnhancer

    network = LocalEnhancer(CHANNELS, 32) if enhancers else GlobalGenerator(CHANNELS)
    network = network.to(torch_device(), torch.bfloat16, memory_format=torch.channels_last).eval()
    x = torch.randn(batch, CHANNELS, height, width, device=torch_device(), dtype=torch.bfloat16)
    x = x.to(memory_format=torch.channels_last)
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            network(x)
        call = torch.compile(network) if compiled else network
        return {"seconds": seconds(lambda: call(x), torch_wait), "flops": counter.get_total_flops()}


def our_generator(enhancers):
    """Built, at the paper's width: 64 filters of G1."""
    import sides

    generator = sides.our_generator("mixed_bfloat16", 64 // 2**enhancers, enhancers)
    generator.build((None, None, None, CHANNELS))
    return generator


def ours_on_torch(height, width, enhancers, batch, compiled):
    import torch

    generator = our_generator(enhancers)
    x = torch.randn(batch, height, width, CHANNELS, device=torch_device(), dtype=torch.bfloat16)
    call = torch.compile(generator) if compiled else generator
    with torch.no_grad():
        return {"seconds": seconds(lambda: call(x), torch_wait)}


def ours_on_jax(height, width, enhancers, batch):
    import jax
    import numpy as np

    generator = our_generator(enhancers)
    trained, others = (
        [v.value for v in group] for group in (generator.trainable_variables, generator.non_trainable_variables)
    )
    call = jax.jit(lambda trained, x: generator.stateless_call(trained, others, x)[0])
    x = jax.device_put(np.random.default_rng(0).normal(size=(batch, height, width, CHANNELS)).astype("float32"))
    x = x.astype("bfloat16")
    last = []

    def run():
        last[:] = [call(trained, x)]

    return {"seconds": seconds(run, lambda: last[0].block_until_ready())}


def measure(side, *size):
    name, _, compiled = side.partition(" ")
    if name == "reference":
        return reference(*size, bool(compiled))
    return ours_on_torch(*size, bool(compiled)) if name == "torch" else ours_on_jax(*size)


def in_process(side, *arguments):
    """The JSON line that a process of its own prints, or `None` and why there is none."""
    backend = side.split()[0] if side.split()[0] in ("torch", "jax") else "torch"
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    command = [sys.executable, __file__, "--side", side, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{side}: {done.stderr.strip().splitlines()[-1][:300]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(sizes):
    """Prints a line for each side at each `(height, width, enhancers, batch)`."""
    rate = in_process("matrix")["rate"]
    print(f"matrices of 8192 x 8192, bfloat16: {rate:.0f} TFLOP/s", flush=True)
    for size in sizes:
        height, width, enhancers, batch = size
        flops = None
        for side in SIDES:
            found = in_process(side, *size)
            if found is None:
                continue
            flops = flops or found.get("flops")
            speed = flops / found["seconds"] / 1e12
            print(
                f"{width}x{height}, {enhancers} enhancers, batch {batch}, {side}: {batch / found['seconds']:.1f} "
                f"images/s, {speed:.0f} TFLOP/s, {speed / rate:.2f} of the matrix rate",
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", help="measure one side in this process: matrix, or " + ", ".join(SIDES))
    parser.add_argument("sizes", nargs="*", type=int, default=[512, 1024, 0, 4, 1024, 2048, 1, 1])
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps({"rate": matrix_rate()} if asked.side == "matrix" else measure(asked.side, *asked.sizes)))
    else:
        compare([asked.sizes[i : i + 4] for i in range(0, len(asked.sizes), 4)])


if __name__ == "__main__":
    main()
