"""How a function that describes a call becomes a client's method with the same arguments and docstring."""

import inspect
from collections.abc import Callable
from typing import Any, get_args


def signed_as(described: Callable[..., Any]) -> Callable[[Any], Any]:
    """Gives a method the described signature, ``self`` first, answering what the call (or the flow) ends with."""

    def sign(method: Any) -> Any:
        signature = inspect.signature(described)
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        answer = get_args(signature.return_annotation)[-1]
        method.__signature__ = signature.replace(
            parameters=[own, *signature.parameters.values()], return_annotation=answer
        )
        method.__name__ = described.__name__
        method.__doc__ = described.__doc__
        return method

    return sign
