from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="hdsynth_tf",
    version="0.1.0",
    description="pix2pixHD for Keras 3 on TensorFlow: photographs from label maps, instance maps and thermal images",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["hdsynth_tf*", "pipelines*"]),
    package_data={"hdsynth_tf": ["*/page/*", "web/shared/*"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        "tensorflow>=2.18",
        "keras>=3.15",
        "tensorboard",  # TensorFlow writes its logs through this package
        "numpy",
        "pillow>=10.1",
        "scikit-learn",
        "absl-py",
    ],
    extras_require={
        "ui": ["starlette", "uvicorn"],
        "eval": ["keras-hub"],
        "torch": ["torch==2.13.0"],
        "dev": [
            *["pytest", "hypothesis", "ruff", "nbclient", "ipykernel", "scikit-image"],
            *["starlette", "uvicorn", "httpx2", "playwright"],  # pages are tested in the machine's own Chromium
        ],
    },
)
