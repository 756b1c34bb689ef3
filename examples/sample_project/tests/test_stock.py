import unittest

from inventory import OutOfStock, Stock
from inventory.report import lines


class StockTest(unittest.TestCase):
    def setUp(self):
        self.stock = Stock()
        self.stock.add("bolt", 10)

    def test_added_articles_are_free(self):
        self.assertEqual(self.stock.free("bolt"), 10)

    def test_adding_twice_adds_up(self):
        self.stock.add("bolt", 5)
        self.assertEqual(self.stock.free("bolt"), 15)

    def test_nothing_cannot_be_added(self):
        with self.assertRaises(ValueError):
            self.stock.add("bolt", 0)

    def test_unknown_articles_are_not_there(self):
        self.assertEqual(self.stock.free("nut"), 0)

    def test_reserved_articles_are_not_free(self):
        self.stock.reserve("bolt", 4)
        self.assertEqual(self.stock.free("bolt"), 6)

    def test_more_than_free_cannot_be_reserved(self):
        with self.assertRaises(OutOfStock):
            self.stock.reserve("bolt", 11)

    def test_shipping_needs_a_reservation(self):
        with self.assertRaises(OutOfStock):
            self.stock.ship("bolt", 1)

    def test_shipped_articles_are_gone(self):
        self.stock.reserve("bolt", 4)
        self.stock.ship("bolt", 4)
        self.assertEqual(self.stock.free("bolt"), 6)

    def test_short_articles_are_ordered(self):
        self.stock.add("nut", 2)
        self.assertEqual(self.stock.to_order(minimum=5), ["nut"])


class ReportTest(unittest.TestCase):
    def test_lines_are_aligned(self):
        stock = Stock()
        stock.add("nut", 2)
        stock.add("bolt", 10)
        self.assertEqual(lines(stock, ["bolt", "nut"]), ["bolt     10", "nut       2"])
