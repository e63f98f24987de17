"""pip install of the library and the command lines, without ROS (on a robot: colcon build)."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def share(folder: str) -> list[tuple[str, list[str]]]:
    """Data files below `folder`, for PREFIX/share/dvae_perception."""
    found: dict[str, list[str]] = {}
    for path in sorted((HERE / folder).rglob("*")):
        if path.is_file():
            relative = path.relative_to(HERE)
            found.setdefault(f"share/dvae_perception/{relative.parent}", []).append(str(relative))
    return list(found.items())


setup(
    name="dvae_perception",
    version="0.1.0",
    description="Multi-person tracking and speech enhancement with deep dynamical generative models",
    author="dvae_perception contributors",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["dvae", "dvae.*"]), *find_packages("nodes")],
    package_dir={"dvae_nodes": "nodes/dvae_nodes"},
    data_files=[
        *share("models"),
        *share("msg"),
        *share("config"),
        *share("interfaces/vision_msgs/msg"),
        *share("interfaces/vision_msgs_foxy/msg"),
        *share("interfaces/hri_msgs/msg"),
        *share("interfaces/audio_common_msgs/msg"),
        *share("interfaces/audio_common_msgs_portaudio/msg"),
    ],
    install_requires=[
        "torch",  # models
        "numpy",  # arrays
        "scipy",  # log-sum-exp, filters, assignment
        "numba",  # compiled tracking loop
        "safetensors",  # weights without pickle
        "threadpoolctl",  # one thread for products of small matrices, where more are slower
        "pyyaml",  # recipes and model descriptions
        "tqdm",  # progress bars
        "soundfile",  # WAV and FLAC
        "soxr",  # resampling
        "opencv-python-headless<5",  # images, HOG people detector (gone in OpenCV 5), drawing
        "rosbags>=0.11.9",  # dvae-replay: bags without ROS; brings lz4, zstd and ruamel.yaml, used for damaged ones
        "matplotlib",  # spectrograms and plots
    ],
    extras_require={
        "train": ["lightning", "tensorboard"],  # dvae-train
        "evaluate": ["pesq", "pystoi", "motmetrics"],  # dvae-evaluate
        "docs": ["pdoc"],  # API reference
        "test": ["pytest", "pdoc", "ruff", "mypy", "types-PyYAML", "types-tqdm", "scipy-stubs"],
    },
    entry_points={
        "console_scripts": [
            "dvae-replay = dvae_nodes.replay:main",
            "dvae-track = dvae.cli.track:main",
            "dvae-enhance = dvae.cli.enhance:main",
            "dvae-train = dvae.cli.train:main",
            "dvae-evaluate = dvae.cli.evaluate:main",
        ]
    },
)
