"""Command lines by chance: good ones, with a few things wrong or odd."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable

# `begun` and `swept` are the folders of a run and of a sweep.
GOOD = (
    "",
    "dataset=grid seed=3",
    "dataset=dirac batch_size=4",
    "dataset=curve dataset.normalization=range",
    "dataset=moons model.generator.width=8 model.discriminator.dropout=0.2",
    "experiment=ganlab",
    "experiment=goodfellow_2014",
    "dataset=binarized_mnist dataset.source=bundled dataset.examples=300 epochs=2",
    "schedule=[linear] schedule.linear.length=50",
    "penalty=[r1] penalty.r1.weight=0.1",
    "optimizer=sgd discriminator_optimizer=rmsprop optimizer.learning_rate=0.01",
    "prior=uniform prior.low=-2 prior.dimension=3",
    "debug=smoke out=made",
    "updates=simultaneous updates.d_steps=2 loss=least_squares",
    "-m seed=0,1",
    "-m seed=range(0,3) loss=minimax,non_saturating out=made",
    "-m experiment=learning_rate_grid",
    "-m optimizer.learning_rate=1e-3,1e-2 penalty=[],[r1]",
    "-m hydra.sweeper.params={seed:[0,1]}",
    "-m +grid={seed:[0,1]}",
    "-m hydra/launcher=basic seed=0,1",
    "-m search=adam",
    "resume begun",
    "resume begun steps=9",
    "resume swept",
    "resume swept steps=9",
    "extend swept seed=range(2,4)",
    "extend swept seed=5",
    "quiz begun",
    "quiz begun seed=4",
    "classifier",
    "classifier dataset=mnist epochs=1 out=made",
    "list",
    "list loss",
    "report nowhere",
    "--cfg job seed=3",
    "--cfg hydra seed=3",
    "resume begun --cfg job",
)
# What was answered wrongly once.
FOUND = (
    ("-sc", "query=bash"),
    ("-sc", "query={"),
    ("-sc", "query=sh"),
    ("-sc", "list"),
    ("resume", "begun", "steps=${out}", "--dry-run"),
    ("resume", "begun", "steps=${slug:a}", "--dry-run"),
    ("resume", "begun", "steps=${hydra:nothing}", "--dry-run"),
    ("extend", "x" * 300, "seed=5", "--dry-run"),
    ("-\nm", "seed=0,1", "--dry-run"),
)
COMMANDS = ("resume", "extend", "quiz", "classifier", "list", "report")
# These know no dry run, and train nothing, or nothing where `test_fuzz.py` keeps them from it.
NEVER_DRY = ("quiz", "classifier", "list", "report")
FLAGS = (
    "-m",
    "--multirun",
    "--cfg",
    "--cfg=job",
    "--cfg=all",
    "--cfg=nothing",
    "--dry-run",
    "--dry-run=1",
    "-sc",
    "-v",
    "--hlep",
    "--by",
    "--",
    "-",
    "--resume",
    "-mm",
    "--out=made",
)
NUMBERS = (
    "0", "-1", "-0", "1e400", "-1e400", "nan", "inf", "-inf", "NaN", "1e-400", "1e309", "0x10", "1_000", "007", "1e3", ".5", "5.",
    "1" * 20, "1" * 400, "-" + "1" * 400, "9223372036854775808", "-9223372036854775809", "4294967295", "2147483647", "1/3", "٣", "½",
    "1e", "--1", "+1", "1,", "0.1.2",
)  # fmt: skip
TEXTS = (
    "", "''", '""', "null", "None", "true", "False", "yes", "~", "*", "?", "\\", "\\\\", "/", "//", ".", "..", "../up", "~nobody/x",
    "a b", " a", "a ", "\t", "a\nb", "\n", "\r", "\x1b[31mred", "\x7f", "\u202eabc", "\u2028", "\ufeff", "\udcff", "ä", "日本", "🙂",
    "e\u0301", "a'b", 'a"b', "'a", '"a', "a\\'b", "`ls`", "$(ls)", "%s", "{0}", "a=b", "a:b", "a,b", "a#b", "#", "!", "!!python/name:os",
    "&a", "*a", "x" * 300, "x" * 5000, "a/" * 200,
)  # fmt: skip
NESTED = (
    "[", "]", "[]", "[[]]", "[[[[[[[[]]]]]]]]", "[1,[2]]", "[,]", "[null]", "['a','b']", "{", "}", "{}", "{a:1}", "{a:{b:1}}", "{1:2}",
    "{a:1,a:2}", "{null:null}", "{?}", "[" * 200 + "]" * 200, "[" * 3000 + "]" * 3000, "(1,2)", "[r1,r1]", "[r1,null]", "[[r1]]",
)  # fmt: skip
REFERENCES = (
    "${seed}", "${steps}", "${.}", "${..}", "${}", "${", "$", "$$", "\\${seed}", "${nothing}", "${seed", "${out}", "${dataset}",
    "${dataset.radius}", "${oc.env:HOME}", "${oc.env:NOTHING}", "${oc.env:NOTHING,3}", "${oc.env:NOTHING,null}", "${oc.create:{a:1}}",
    "${oc.create:[1,2]}", "${oc.decode:'[1'}", "${oc.decode:null}", "${oc.deprecated:seed}", "${oc.dict.keys:dataset}",
    "${oc.dict.values:dataset}", "${oc.select:nothing}", "${oc.select:seed,3}", "${hydra:runtime.cwd}", "${hydra:job.name}", "${hydra:}",
    "${hydra:nothing}", "${now:%Y}", "${now:}", "${slug:a}", "${slug:}", "${no_such:1}", "${python_version:}", "${${seed}}",
    "${seed}${seed}", "a${seed}", "[${seed}]", "'${seed}'", "${optimizer.learning_rate}", "${batch_size}",
)  # fmt: skip
SWEEPS = (
    "0,1", "0,0", "1,", ",1", "choice(1,2)", "choice()", "choice(1)", "choice(a:1)", "range(3)", "range(0,3)", "range(3,0)", "range(0,3,0)",
    "range(0,1,0.25)", "range(0,3,-1)", "range(a,b)", "interval(0,1)", "interval(1,0)", "glob(*)", "glob([a*],exclude=b)", "glob(",
    "tag(log,interval(1e-5,1e-2))", "tag(a,b,choice(1,2))", "shuffle(1,2)", "shuffle([1,2])", "sort(2,1)", "sort(range(0,3),reverse=true)",
    "int(1.5)", "int(3)", "float(x)", "float(1)", "str(1)", "bool(x)", "json_str({a:1})", "extend_list(1)", "choice(choice(1,2))", "f(1)",
    "int(choice(1,2))", "minimax,non_saturating", "[r1],[]", "'a','b'",
)  # fmt: skip
VALUES = (NUMBERS, TEXTS, NESTED, REFERENCES, SWEEPS)
KEYS = (
    "seed", "steps", "epochs", "batch_size", "log_every", "eval_every", "eval_samples", "final_samples", "image_every", "checkpoint_every", "profile",
    "explain_divergence", "out", "dataset", "dataset.n", "dataset.std", "dataset.radius", "dataset.weights", "dataset.files", "dataset.source",
    "dataset.threshold", "dataset.examples", "prior", "prior.dimension", "model", "model.generator", "model/generator", "model.generator.width",
    "model.generator.depth", "model.generator.activation", "model.generator.normalization", "model.generator.widths",
    "model.discriminator.dropout", "optimizer", "optimizer.learning_rate", "optimizer.b1", "optimizer.name", "optimizer.clip_norm",
    "generator_optimizer", "generator_optimizer.learning_rate", "discriminator_optimizer.name", "loss", "loss.scale", "output", "penalty",
    "penalty.r1", "penalty.r1.weight", "schedule", "schedule.linear", "schedule.linear.length", "schedule.linear.setting",
    "schedule.stepwise.values", "updates", "updates.d_steps", "updates.minibatch", "experiment", "debug", "search", "sweep", "sweep.lanes",
    "sweep.observed_runs", "sweep.metric", "grid", "grid.seed", "grid.nothing", "hydra", "hydra.run.dir", "hydra.sweep.dir", "hydra.job.name",
    "hydra/launcher", "hydra/sweeper", "hydra/sweeper/sampler", "hydra.launcher.n_jobs", "hydra.sweeper.params", "hydra.sweeper.params.seed",
    "hydra.sweeper.max_batch_size", "hydra.sweeper.n_trials", "hydra.sweeper.direction", "hydra/job_logging", "schema", "schema/loss", "_target_",
    "loss._target_", "dataset._target_", "model.generator._target_", "defaults", "_self_", "_self_@dataset", "dataset@prior", "loss@_global_",
    "optimizer@generator_optimizer", "penalty@dataset", "oc.env", "a.b.c.d", "seed.seed", "dataset.", ".seed", "seed..x", "dataset[n]",
    "ключ", "_", "0", "-", "key with blank", "package", "hydra.searchpath", "hydra.output_subdir",
)  # fmt: skip
PREFIXES = ("+", "++", "~", "~~", "+~", "@", "-", "=", " ", "\\", "$", "'", "+++")
FOLDERS = (
    "", ".", "..", "/", "/dev/null", "/proc/self", "/proc/self/mem", "file", "file/x", "nowhere", "a b", "ä", "\udcff", "a\nb", "-x", "~",
    "~nobody", "x" * 300, "a/" * 3000, "'", "[", "${seed}", "a=b", "empty", "loop", "gone", "begun/run.json", "swept/0", "begun/.", "begun/",
    "begun/images/..", "pipe",
)  # fmt: skip


def line(chance: random.Random) -> list[str]:
    """A good command line with one to four things changed, which trains nothing."""
    words = shlex.split(chance.choice(GOOD))
    for _ in range(chance.choice((1, 1, 1, 1, 2, 2, 3))):
        words = chance.choice(MUTATIONS)(words, chance)
    return words if is_harmless(words) else ["--dry-run", *words]


def is_harmless(words: list[str]) -> bool:
    """Whether a line of these words trains nothing, be it accepted or not."""
    first = next((word for word in words if not word.startswith("-")), None)
    return first in NEVER_DRY


def value(chance: random.Random) -> str:
    """Something odd behind the equals sign."""
    return chance.choice(chance.choice(VALUES))


def another_value(words: list[str], chance: random.Random) -> list[str]:
    """The value of one setting is an odd one."""
    settings = [place for place, word in enumerate(words) if "=" in word]
    if not settings:
        return one_more(words, chance)
    place = chance.choice(settings)
    return [*words[:place], f"{words[place].partition('=')[0]}={value(chance)}", *words[place + 1 :]]


def one_more(words: list[str], chance: random.Random) -> list[str]:
    """A setting more, with an odd value."""
    return _put(words, f"{chance.choice(KEYS)}={value(chance)}", chance)


def marked(words: list[str], chance: random.Random) -> list[str]:
    """A setting with something before its name, or its name alone."""
    word = f"{chance.choice(PREFIXES)}{chance.choice(KEYS)}"
    return _put(words, word if chance.random() < 0.4 else f"{word}={value(chance)}", chance)


def another_key(words: list[str], chance: random.Random) -> list[str]:
    """The value of one setting goes to another."""
    settings = [place for place, word in enumerate(words) if "=" in word]
    if not settings:
        return marked(words, chance)
    place = chance.choice(settings)
    return [*words[:place], f"{chance.choice(KEYS)}={words[place].partition('=')[2]}", *words[place + 1 :]]


def flag(words: list[str], chance: random.Random) -> list[str]:
    """A flag more, which may be another command's."""
    return _put(words, chance.choice(FLAGS), chance)


def stranger(words: list[str], chance: random.Random) -> list[str]:
    """A word more that is no setting: a command, a folder, a value."""
    return _put(words, chance.choice((*COMMANDS, "train", *FOLDERS, value(chance))), chance)


def doubled(words: list[str], chance: random.Random) -> list[str]:
    """One word stands there twice."""
    return _put(words, chance.choice(words), chance) if words else flag(words, chance)


def typo(words: list[str], chance: random.Random) -> list[str]:
    """A letter of one word is missing, another, or one too many."""
    if not any(words):
        return stranger(words, chance)
    place = chance.choice([place for place, word in enumerate(words) if word])
    word = words[place]
    at = chance.randrange(len(word))
    letter = chance.choice(
        ("", "=", ",", ".", "/", "@", "[", "'", '"', "{", "$", "\\", " ", "~", "é", "x", "0", ":", "(", "\n")
    )
    return [*words[:place], word[:at] + letter + word[at + chance.choice((0, 1)) :], *words[place + 1 :]]


def elsewhere(words: list[str], chance: random.Random) -> list[str]:
    """An odd folder in the place of the one that was named, or as `out`."""
    folder = chance.choice(FOLDERS)
    if words[:1] and words[0] in COMMANDS and len(words) > 1:
        return [words[0], folder, *words[2:]]
    return [*(word for word in words if not word.startswith("out=")), f"out={folder}"]


# What the parser of words refuses at once comes seldom: behind it there is more to be found.
MUTATIONS: tuple[Callable[[list[str], random.Random], list[str]], ...] = (
    *(another_value,) * 6, *(one_more,) * 5, *(another_key,) * 2, *(typo,) * 2, *(elsewhere,) * 2, marked, flag, stranger, doubled,
)  # fmt: skip


def _put(words: list[str], word: str, chance: random.Random) -> list[str]:
    place = chance.randrange(len(words) + 1)
    return [*words[:place], word, *words[place:]]
