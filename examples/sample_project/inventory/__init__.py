"""Keep stock: what is there, what is reserved, what has to be ordered."""

from inventory.stock import OutOfStock, Stock

__all__ = ["OutOfStock", "Stock"]
