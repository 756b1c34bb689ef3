"""docs/api.md: the public names, with their signatures as written and their docstrings."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import agent_otel
from agent_otel import measured_step, testing

#: A signature longer than this stands with one parameter a line.
_WIDTH: Final = 100
#: Beside the names of the package: where the details of a step, which `log_step` takes, are named.
_STEP_DETAILS: Final = "StepDetails"


def page() -> str:
    """The page."""
    lines = [
        "# Python API",
        "",
        "Generated from `agent_otel.__all__` by `make generate`. Everything else is internal and may change. Nothing",
        "here raises into your agent, but what its text names.",
    ]
    for name in agent_otel.__all__:
        lines += _entry(getattr(agent_otel, name), f"agent_otel.{name}")
        if name == "log_step":
            lines += _step_details()
    lines += ["", "# agent_otel.testing", "", _prose(testing)]
    for name, value in vars(testing).items():
        if not name.startswith("_") and getattr(value, "__module__", "") == testing.__name__:
            lines += _entry(value, f"agent_otel.testing.{name}")
    return "\n".join(lines) + "\n"


def _entry(value: object, title: str) -> list[str]:
    lines = ["", f"## {title}", ""]
    if inspect.isclass(value):
        return [*lines, *_class(value)]
    return [*lines, *_code(_signature(_definition(value))), "", _prose(value)]


def _class(value: type) -> list[str]:
    lines = [_prose(value)]
    # What `agent_otel.execution` or `step` makes is not made by calling the class.
    if "__init__" in vars(value) and "Made by" not in _prose(value):
        made = _signature(_definition(vars(value)["__init__"])).removesuffix(" -> None")
        lines += ["", *_code(made.replace("__init__", value.__name__))]
    fields = getattr(value, "_fields", ())
    if fields:
        lines += ["", f"Fields: {', '.join(f'`{name}`' for name in fields)}."]
    members = dict(_members(value))
    properties = {name: member for name, member in members.items() if isinstance(member, property)}
    methods = {name: member for name, member in members.items() if name not in properties}
    if properties:
        lines += ["", "| property | type | meaning |", "|---|---|---|"]
        lines += [f"| `{name}` | `{_type(member)}` | {_one_line(member)} |" for name, member in properties.items()]
    for name, member in methods.items():
        lines += ["", f"### {value.__name__}.{name}", "", *_code(_signature(_definition(member))), "", _prose(member)]
    return lines


def _members(value: type) -> Iterator[tuple[str, object]]:
    """Public methods and properties of ours, the class's own before those it inherits."""
    seen: set[str] = set()
    for kind in value.__mro__:
        if not kind.__module__.startswith("agent_otel."):
            continue
        for name, member in vars(kind).items():
            is_ours = isinstance(member, property) or inspect.isroutine(member)
            if is_ours and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, member


def _step_details() -> list[str]:
    """The keys of StepDetails, with the comments that stand behind them."""
    source, _ = inspect.getsourcelines(measured_step.StepDetails)
    rows = [line.strip().partition("#:") for line in source if line.startswith("    ") and ": " in line]
    fields = [(*declared.strip().split(": ", 1), meaning.strip()) for declared, _, meaning in rows]
    named = [
        (name, kind, meaning) for name, kind, meaning in fields if name in measured_step.StepDetails.__annotations__
    ]
    lines = ["", f"### {_STEP_DETAILS}", "", _prose(measured_step.StepDetails), ""]
    lines += ["| key | type | meaning |", "|---|---|---|"]
    return lines + [f"| `{name}` | `{_cell(kind)}` | {meaning} |" for name, kind, meaning in named]


def _definition(value: object) -> ast.FunctionDef:
    """The function's definition, as it stands in its file."""
    function = inspect.unwrap(value)  # type: ignore[arg-type]  # every routine here is a function
    file = inspect.getsourcefile(function)
    assert file is not None
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    line = function.__code__.co_firstlineno
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and line in (node.lineno, *(each.lineno for each in node.decorator_list))
    )


def _signature(function: ast.FunctionDef) -> str:
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    # The one decorator that changes how a function is called.
    above = "@contextmanager\n" if "contextmanager" in map(ast.unparse, function.decorator_list) else ""
    arguments = _arguments(function.args)
    line = f"{function.name}({', '.join(arguments)}){returns}"
    if len(line) <= _WIDTH:
        return f"{above}{line}"
    return "\n".join([f"{above}{function.name}(", *(f"    {argument}," for argument in arguments), f"){returns}"])


def _arguments(given: ast.arguments) -> list[str]:
    """One text a parameter, without self."""
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    found = [_argument(each, default) for each, default in zip(positional, defaults, strict=True) if each.arg != "self"]
    if given.vararg:
        found.append(f"*{_argument(given.vararg, None)}")
    elif given.kwonlyargs:
        found.append("*")
    found += [_argument(each, default) for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [*found, *([f"**{_argument(given.kwarg, None)}"] if given.kwarg else [])]


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    text = f"{argument.arg}: {ast.unparse(argument.annotation)}" if argument.annotation else argument.arg
    return text if default is None else f"{text} = {ast.unparse(default)}"


def _type(member: property) -> str:
    returns = _definition(member.fget).returns
    return _cell(ast.unparse(returns)) if returns else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> list[str]:
    return ["```python", text, "```"]


def _prose(value: object) -> str:
    """The docstring as Markdown: our ``code`` is its `code`, indented lines are its code blocks."""
    return (inspect.getdoc(value) or "").replace("``", "`")


def _one_line(value: object) -> str:
    return " ".join(_prose(value).split())
