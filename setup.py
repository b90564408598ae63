from setuptools import find_packages, setup

setup(packages=["hashpost", *(f"hashpost.{package}" for package in find_packages("src"))])
