from .application import UnicornShop as build

__all__ = ["build"]
