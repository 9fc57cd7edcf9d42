# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nearest words, for the hints of errors about names."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """A hint that names the choice nearest to `word` and then, when they are few, all of them.

    Empty when there are no choices at all.
    """
    names = sorted(set(choices))
    if not names:
        return ""
    by_fold = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    shown = ", ".join(names[:12]) + (f", ... ({len(names)} in all)" if len(names) > 12 else "")
    if near:
        return f"did you mean '{by_fold[near[0]]}'? known: {shown}"
    return f"known: {shown}"
