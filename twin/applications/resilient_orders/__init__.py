from .application import ResilientOrders as build

__all__ = ["build"]
