"""What Hydra, OmegaConf and their resolvers say, in the words of someone who sets a value."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ganexp.spelling import did_you_mean

KINDS = {
    "Integer": "a whole number, such as 10000",
    "int": "a whole number, such as 10000",
    "Float": "a number",
    "float": "a number",
    "Boolean": "true or false",
    "bool": "true or false",
    "str": "a string",
    "List": "a list, such as [1,2]",
}
REMOVED = "a setting cannot be removed; leave it out, or set another value"
# The first that is found in what was said; \1 is what its parentheses hold.
REASONS = {
    r"HydraConfig was not set": "Hydra has no information about a run here; write the value itself",
    r"Environment variable '(\w+)' not found": r"the environment variable \1 is not set",
    r"is deprecated\. Change your code and config to use '(.+?)'": r"oc.deprecated gives no value here; write ${\1}",
    r"RecursionError|maximum recursion|Recursive interpolation|to parent node detected": "it refers to itself",
    r"Unsupported interpolation type (\S+)": r"there is no resolver \1, as oc.env is in ${oc.env:HOME}",
    r"KeyError raised while resolving": "what it refers to does not exist",
    r"possible interpolation keys": "what its defaults refer to is not chosen before it",
    r"(?s)(?:raised while|while) resolving|trying to access": "what it refers to has no value, or its resolver cannot be called so",
    r"expecting|no viable alternative|token recognition": "it is not a reference, which is written ${NAME} or ${RESOLVER:VALUE}",
    r"is not Optional|Incompatible value 'None'": "it cannot be null",
    r"too large to convert to float": "it is not a finite number (32-bit floats reach 3.4e38)",
    r"not a ListConfig, list or tuple": "it must be a list, such as [1,2]",
    r"to string": "it must be a string",
    r"valid bool": "it must be true or false",
    r"not in 'Settings'|does not support deletion|Could not delete": REMOVED,
    r"Missing mandatory value|Missing value at index": "it is not set",
    r"reference_type=(?:Optional\[)?List": "it must be a list, such as [1,2]",
    r"is not a subclass of [A-Z]|Cannot (?:assign|merge)": "it stands for a part with settings of its own, which are set one by one",
    r"found duplicate key|Duplicate": "something is there twice; leave one",
    r"Multiple values for": "its defaults choose what is chosen already; write override before it",
    r"Overrides must be at the end": "of its defaults those with override must come last",
}


def plain(why: str, known: Sequence[str]) -> str | None:
    """What is wrong with a value, from what was raised; None where it is not known. `known` are the settings that there are."""
    if found := re.search(r"Interpolation key '(.*?)' not found|Error resolving key '(.*?)'", why):
        key = found[1] or found[2]
        return f"it refers to {key}, which is not a setting{did_you_mean(key.lstrip('.'), known)}"
    hints = r"could not be converted to (\w+)|not a subclass of (\w+)|type hint '(?:Optional\[)?(\w+)"
    wanted = next(filter(None, found.groups()), "") if (found := re.search(hints, why)) else ""
    if wanted in KINDS:
        return f"it must be {KINDS[wanted]}"
    for pattern, text in REASONS.items():
        if found := re.search(pattern, why):
            return text.replace(r"\1", found[1] if found.groups() else "")
    return None
