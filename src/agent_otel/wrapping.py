"""Run a function inside a scope: plain functions, coroutines, generators and async generators each in their own way.

A generator's body is in the scope, its consumer is not: the scope is current only while the body runs, and ends when
the body does.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, Protocol, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Wrapping(Protocol):
    """What is needed of a scope; see agent_otel.scope."""

    def begin(self) -> None:
        """Start the span."""

    def end(self, error: BaseException | None = None) -> None:
        """End the span."""

    def current(self) -> AbstractContextManager[None]:
        """Be current while the block runs."""


def wrap(function: Callable[P, R], fresh: Callable[[], Wrapping]) -> Callable[P, R]:
    """`function` with a new scope around each call."""
    if inspect.isasyncgenfunction(function):
        run: Callable[..., Any] = _async_generator(function, fresh)
    elif inspect.isgeneratorfunction(function):
        run = _generator(function, fresh)
    elif inspect.iscoroutinefunction(function):
        run = _coroutine(function, fresh)
    else:
        run = _function(function, fresh)
    return cast("Callable[P, R]", functools.wraps(function)(run))


def _function(function: Callable[..., Any], fresh: Callable[[], Wrapping]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        scope = fresh()
        scope.begin()
        try:
            with scope.current():
                result = function(*args, **kwargs)
        except BaseException as error:
            scope.end(error)
            raise
        scope.end()
        return result

    return call


def _coroutine(function: Callable[..., Any], fresh: Callable[[], Wrapping]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        scope = fresh()
        scope.begin()
        try:
            with scope.current():
                result = await function(*args, **kwargs)
        except BaseException as error:
            scope.end(error)
            raise
        scope.end()
        return result

    return call


def _generator(function: Callable[..., Any], fresh: Callable[[], Wrapping]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        scope = fresh()
        scope.begin()
        try:
            result = yield from _driven(function(*args, **kwargs), scope)
        except BaseException as error:
            scope.end(error)
            raise
        scope.end()
        return result

    return call


def _driven(body: Generator[Any, Any, Any], scope: Wrapping) -> Generator[Any, Any, Any]:
    """What ``yield from body`` does (PEP 380), with the scope current only while the body runs."""
    resume: Callable[[], Any] = functools.partial(next, body)
    while True:
        try:
            with scope.current():
                item = resume()
        except StopIteration as stop:
            return stop.value
        try:
            sent = yield item
        except GeneratorExit:
            with scope.current():
                body.close()
            raise
        except BaseException as error:  # noqa: BLE001 - whatever the consumer throws belongs to the body
            resume = functools.partial(body.throw, error)
        else:
            resume = functools.partial(body.send, sent)


def _async_generator(function: Callable[..., Any], fresh: Callable[[], Wrapping]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        scope = fresh()
        scope.begin()
        body = function(*args, **kwargs)
        resume = body.asend(None)
        try:
            while True:
                with scope.current():
                    item = await resume
                try:
                    sent = yield item
                except GeneratorExit:
                    with scope.current():
                        await body.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever the consumer throws belongs to the body
                    resume = body.athrow(error)
                else:
                    resume = body.asend(sent)
        except StopAsyncIteration:
            scope.end()
        except BaseException as error:
            scope.end(error)
            raise

    return call
