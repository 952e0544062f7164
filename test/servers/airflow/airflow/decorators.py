"""Calling a DAG calls its tasks in the order in which they are written; `a >> b` says so as well."""

import functools
import inspect
from datetime import date


class Done:
    """What stands for a task that was run: its result, and the arrows."""

    def __init__(self, value):
        self.value = value

    def __rshift__(self, other):
        return other


class Instance:
    try_number = 1


CONTEXT = {"ds": date.today().isoformat(), "ti": Instance()}


def unwrap(value):
    return value.value if isinstance(value, Done) else value


def task(function=None, **_options):
    if function is None:
        return lambda given: task(given)

    @functools.wraps(function)
    def call(*args, **kwargs):
        wanted = inspect.signature(function).parameters
        context = {name: value for name, value in CONTEXT.items() if name in wanted}
        print(f"task {function.__name__}", flush=True)
        return Done(function(*map(unwrap, args), **{**context, **kwargs}))

    return call


def dag(**_options):
    return lambda function: function
