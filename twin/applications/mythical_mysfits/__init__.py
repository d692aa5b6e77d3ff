from .application import MythicalMysfits as build

__all__ = ["build"]
