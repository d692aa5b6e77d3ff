"""Installed, Farshore is one package: what a checkout has beside it, functions/ and twin/, goes inside it."""

from setuptools import find_packages, setup

BESIDE = ("functions", "twin")
BUNDLED = "farshore.bundled"

inside = [
    f"{BUNDLED}.{package}"
    for name in BESIDE
    for package in (name, *(f"{name}.{each}" for each in find_packages(name)))
]
setup(
    packages=[*find_packages(include=["farshore", "farshore.*"]), *inside],
    package_dir={f"{BUNDLED}.{name}": name for name in BESIDE},
    package_data={
        "farshore": [
            "report/templates/*",
            "web/page/*",
            "explore/*.md",
            "init/templates/*",
            "init/frame",
        ],
        f"{BUNDLED}.functions": ["Makefile", "requirements.txt"],
        f"{BUNDLED}.twin": ["latency.yaml"],
        **{package: ["latency.yaml"] for package in inside if ".services." in package},
    },
)
