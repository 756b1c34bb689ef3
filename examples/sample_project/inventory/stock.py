"""Stock of articles by name."""


class OutOfStock(Exception):
    """More is asked for than is free."""


class Stock:
    """Articles, how many there are, and how many of them are reserved."""

    def __init__(self):
        self._count = {}
        self._reserved = {}

    def add(self, article, count):
        """Put some on the shelf."""
        if count <= 0:
            raise ValueError(f"count must be positive, it is {count}")
        self._count[article] = self._count.get(article, 0) + count

    def free(self, article):
        """How many nobody has reserved."""
        return self._count.get(article, 0) - self._reserved.get(article, 0)

    def reserve(self, article, count):
        """Keep some for an order."""
        if count > self.free(article):
            raise OutOfStock(f"{article}: {count} asked for, {self.free(article)} free")
        self._reserved[article] = self._reserved.get(article, 0) + count

    def ship(self, article, count):
        """Send reserved ones out."""
        if count > self._reserved.get(article, 0):
            raise OutOfStock(f"{article}: only {self._reserved.get(article, 0)} are reserved")
        self._reserved[article] -= count
        self._count[article] -= count

    def to_order(self, minimum):
        """Articles of which fewer than `minimum` are free, by name."""
        # TODO: articles that were never added are not ordered
        return sorted(article for article in self._count if self.free(article) < minimum)
