"""Stock as text."""


def lines(stock, articles):
    """One line an article: its name and how many are free."""
    width = max((len(article) for article in articles), default=0)
    return [f"{article:<{width}}  {stock.free(article):>5}" for article in articles]
