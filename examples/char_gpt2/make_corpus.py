# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Write corpus.txt and heldout.txt from grammar.txt and passages.txt: short tales for the character model.

The result depends on the seed and on the two source files only, so that anyone can make the same text again:

    python make_corpus.py

Every line of the result is one tale, one passage or one saying. The alphabet is `ALPHABET`, nothing else occurs.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEED = 20250
TALES = 1120
HELDOUT_TALES = 80
PASSAGE_COPIES = 2

ALPHABET = "\n !\"',-.:;?" + string.ascii_uppercase + string.ascii_lowercase
"""The 63 characters of the text, in the order of their ids; id 0 of the tokenizer stays free for padding."""

PLOT_WEIGHTS: Mapping[str, float] = {"scene": 1.5, "riddle": 0.8, "saying": 0.8}
"""How often a plot is told compared with the others, whose weight is 1."""

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{([a-z]+[0-9]?)(?:\.([a-z]+))?\}")
_SENTENCE_START = re.compile(r'((?:^|[.!?] |\." |: ")"?)([a-z])')
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiou]|honest)")


@dataclass(frozen=True)
class Entry:
    """One entry of a pool: the long form introduces it, the short form speaks of it again."""

    long: str
    short: str


@dataclass(frozen=True)
class Grammar:
    """Pools of words and plots; a plot is a sequence of beats, a beat is a sequence of alternatives."""

    pools: Mapping[str, Sequence[Entry]]
    plots: Mapping[str, Sequence[Sequence[str]]]


def parse_grammar(text: str) -> Grammar:
    """Read the format that the head of grammar.txt describes.

    Raises ValueError when a line belongs to no plot or has an unknown form.
    """
    pools: dict[str, list[Entry]] = {}
    plots: dict[str, list[list[str]]] = {}
    beats: list[list[str]] | None = None
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("@"):
            name, _, body = line[1:].partition(":")
            entries = [entry.strip().split(" / ") for entry in body.split("|")]
            pools[name] = [Entry(forms[0], forms[-1]) for forms in entries]
        elif line.startswith("plot "):
            beats = plots.setdefault(line.removeprefix("plot "), [[]])
        elif not line.strip():
            if beats and beats[-1]:
                beats.append([])
        elif beats is None:
            raise ValueError(f"this line belongs to no plot: {line!r}")
        else:
            beats[-1].append(line.rstrip("\n"))
    return Grammar(pools, {name: [beat for beat in beats if beat] for name, beats in plots.items()})


@dataclass(frozen=True)
class Character:
    """A person or an animal of a tale, with the forms that templates can name."""

    name: str
    kind: str
    adjective: str
    female: bool

    def form(self, key: str) -> str:
        """The text for the field `key` of a template; the empty key is the name."""
        forms = {
            "": self.name,
            "k": f"the {self.kind}",
            "a": f"a {self.adjective} {self.kind}",
            "he": "she" if self.female else "he",
            "him": "her" if self.female else "him",
            "his": "her" if self.female else "his",
        }
        return forms[key]


@dataclass
class Tale:
    """The state of one tale: who and what has been chosen, so that it stays the same until the end."""

    grammar: Grammar
    rng: random.Random
    characters: dict[str, Character] = field(default_factory=dict[str, Character])
    picks: dict[str, Entry] = field(default_factory=dict[str, Entry])
    introduced: set[str] = field(default_factory=set[str])

    def _character(self, key: str) -> Character:
        if key not in self.characters:
            female = self.rng.random() < 0.5
            taken = {other.name for other in self.characters.values()}
            kinds = {other.kind for other in self.characters.values()}
            kind_pool = "trade" if self.rng.random() < 0.6 else "animal"
            self.characters[key] = Character(
                name=self._choose("she" if female else "he", taken).long,
                kind=self._choose(kind_pool, kinds).long,
                adjective=self._choose("adj", set()).long,
                female=female,
            )
        return self.characters[key]

    def _choose(self, pool: str, taken: set[str]) -> Entry:
        return self.rng.choice([entry for entry in self.grammar.pools[pool] if entry.long not in taken])

    def _field(self, match: re.Match[str]) -> str:
        name, form = match[1], match[2] or ""
        if name in ("h", "g"):
            character = self._character(name)
            first = form == "" and name not in self.introduced
            if form == "":
                self.introduced.add(name)
            named = match.string.endswith("named ", 0, match.start())
            return f"{character.name} the {character.kind}" if first and not named else character.form(form)
        if name not in self.picks:
            pool = name.rstrip("0123456789")
            self.picks[name] = self._choose(pool, {entry.long for entry in self.picks.values()})
            return self.picks[name].short if form == "s" else self.picks[name].long
        entry = self.picks[name]
        return entry.short if form == "s" or entry.short.startswith("the ") else entry.long

    def expand(self, template: str) -> str:
        """The text of one template: choices, then fields, then articles and capital letters."""
        while _CHOICE.search(template):
            template = _CHOICE.sub(lambda match: self.rng.choice(match[1].split("|")), template)
        text = _ARTICLE.sub(r"\1n ", _FIELD.sub(self._field, template))
        return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)

    def tell(self, plot: str) -> str:
        """A whole tale on one line: one alternative of every beat."""
        text = ""
        for beat in self.grammar.plots[plot]:
            # a beat that ends with an opening quotation mark is continued without a space
            gap = "" if not text or text.endswith(' "') else " "
            text += gap + self.expand(self.rng.choice(beat))
        return text


def make_corpus(grammar: Grammar, passages: Sequence[str], seed: int = SEED) -> tuple[list[str], list[str]]:
    """The lines of the training text and of the held-out text; no line occurs in both.

    The training text holds every passage `PASSAGE_COPIES` times, among the tales; the held-out text holds tales only.
    """
    rng = random.Random(seed)
    names = list(grammar.plots)
    weights = [PLOT_WEIGHTS.get(name, 1.0) for name in names]
    tales: dict[str, None] = {}
    while len(tales) < TALES + HELDOUT_TALES:
        tales[Tale(grammar, rng).tell(rng.choices(names, weights)[0])] = None
    lines = list(tales)
    training = lines[:TALES] + list(passages) * PASSAGE_COPIES
    rng.shuffle(training)
    return training, lines[TALES:]


def read_sources(folder: Path = HERE) -> tuple[Grammar, list[str]]:
    """The grammar and the hand-written passages of `folder`."""
    grammar = parse_grammar((folder / "grammar.txt").read_text(encoding="ascii"))
    return grammar, (folder / "passages.txt").read_text(encoding="ascii").splitlines()


def as_text(lines: Sequence[str]) -> str:
    """Lines as one text that ends with a newline; raises ValueError for a character outside `ALPHABET`."""
    text = "".join(line + "\n" for line in lines)
    if foreign := set(text) - set(ALPHABET):
        raise ValueError(f"characters outside the alphabet: {sorted(foreign)}")
    return text


def main() -> None:
    """Write corpus.txt and heldout.txt beside this file."""
    training, heldout = make_corpus(*read_sources())
    for name, lines in (("corpus.txt", training), ("heldout.txt", heldout)):
        text = as_text(lines)
        (HERE / name).write_text(text, encoding="ascii", newline="\n")
        print(f"{name}: {len(lines)} lines, {len(text)} characters")


if __name__ == "__main__":
    main()
