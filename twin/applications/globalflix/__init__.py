from .application import Globalflix as build

__all__ = ["build"]
