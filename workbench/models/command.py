"""``mnemoscope models``: the model manager on the command line. What is heavy is imported by what needs it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import console

MB = 1_000_000


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Give the command its sub-commands; each sets ``action``."""
    actions = command.add_subparsers(title="what", metavar="WHAT", required=True)
    actions.add_parser("list", help="every model with size, licence, memory and whether it is installed")
    actions.add_parser("get", help="obtain a model of the catalogue; broken off, it goes on where it was")
    actions.add_parser("add", help="make a GGUF of your own usable by a name; it stays where it is")
    actions.add_parser("info", help="everything about one model")
    actions.add_parser("tune", help="which quantisation is fastest here, and what it costs; the original is kept")
    actions.add_parser("remove", help="forget a model, and remove what was fetched")
    acts: dict[str, Callable[[argparse.Namespace], None]] = {
        "list": _list,
        "get": _get,
        "add": _add,
        "info": _info,
        "tune": _tune,
        "remove": _remove,
    }
    for name, parser in actions.choices.items():
        parser.set_defaults(action=acts[name])
        if name == "add":
            parser.add_argument("path", type=Path, metavar="PATH", help="a GGUF")
            parser.add_argument("--name", default="", metavar="NAME", help="default: made of the file's name")
        elif name != "list":
            parser.add_argument("name", metavar="NAME", help="see `mnemoscope models list`")
        if name == "get":
            parser.add_argument("--tune", action="store_true", help="then measure its faster forms, see `tune`")
        if name in ("get", "tune"):
            parser.add_argument("--threads", type=int, metavar="N", help="CPU threads to measure with")
        parser.add_argument("--json", action="store_true", help="the result as JSON on standard output")


def act(options: argparse.Namespace) -> None:
    """Do what was asked."""
    options.action(options)


def _list(options: argparse.Namespace) -> None:
    from workbench.models import fit, listing

    free = fit.available()
    found = listing.cards(free)
    if options.json:
        console.say_json({"models": [card.to_json() for card in found], "free": free})
        return
    rows = [
        [
            card.name,
            "yes" if card.installed else "",
            size(card.bytes),
            f"{card.context:,}" if card.context else "",
            size(card.ram) if card.ram else "",
            card.fits,
            card.licence,
            card.note,
        ]
        for card in found
    ]
    heads = ["model", "installed", "size", "context", "needs", "here", "licence", "note"]
    console.say(console.table(heads, rows, right=["size", "context", "needs"]))
    console.say(f"\n{size(free)} of memory are free. `mnemoscope models get NAME` obtains one.")


def size(count: int) -> str:
    """Bytes with a unit a person reads."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


class _Asked:
    """Becomes true when Ctrl-C or a termination request comes."""

    def __init__(self) -> None:
        self._asked = False

    def cancel(self) -> None:
        self._asked = True

    def __call__(self) -> bool:
        return self._asked


def _get(options: argparse.Namespace) -> None:
    from workbench.models import catalogue, obtain

    catalogue.entry(options.name)
    asked = _Asked()
    with console.Meter() as meter, console.cancelling(asked):

        def progress(done: int, total: int) -> None:
            if done != seen[-1]:
                seen.append(done)
                meter.step(done // MB, total // MB, f"{options.name}, in MB")

        seen = [0]
        meter.note(f"obtaining {options.name}")
        model = obtain.get(options.name, progress, asked)
    if options.json and options.tune:
        _tune(options)
        return
    _tell(options, model.name, f"{model.file} ({size(model.bytes)}, checked)")
    if options.tune:
        _tune(options)
    elif not options.json and "reads" not in model.measured:
        console.say(f"`mnemoscope models tune {model.name}` measures whether another quantisation is faster here")


def _add(options: argparse.Namespace) -> None:
    from workbench.models import store

    model = store.add(options.path, options.name)
    _tell(options, model.name, f"{model.file} ({size(model.bytes)})")


def _tell(options: argparse.Namespace, name: str, what: str) -> None:
    if options.json:
        from workbench.models import listing

        console.say_json(listing.details(name))
    else:
        console.say(f"{name}: {what}. Use it with --model {name}")


def _info(options: argparse.Namespace) -> None:
    from workbench.models import listing

    found = listing.details(options.name)
    if options.json:
        console.say_json(found)
        return
    shown = found | {key: size(found[key]) for key in ("bytes", "ram", "free")}
    measured: dict[str, Any] = shown.pop("measured")
    for key, value in (shown | measured).items():
        console.say(f"{key.replace('_', ' '):<14}{'yes' if value is True else 'no' if value is False else value}")


def _tune(options: argparse.Namespace) -> None:
    from workbench.models import tune

    asked = _Asked()
    with console.Meter() as meter, console.cancelling(asked):
        found = tune.tune(options.name, options.threads, meter.note, cancelled=asked)
    if options.json:
        console.say_json({"forms": [form.to_json() for form in found]})
        return
    rows = [
        [f.name, size(f.bytes), f"{f.reads:,.0f}", f"{f.writes:,.1f}", _cost(f), "yes" if f.kept else "no"]
        for f in found
    ]
    heads = ["form", "size", "reads tok/s", "writes tok/s", "cost", "kept"]
    console.say(console.table(heads, rows, right=["size", "reads tok/s", "writes tok/s"]))
    console.say(
        f"\nOn {console.count(found[0].threads, 'thread')}; cost: mean KL of the next token, same first choice."
    )


def _cost(form: Any) -> str:
    return "the original" if form.original else f"{form.kl:.3f} nats, {console.percent(form.same)}"


def _remove(options: argparse.Namespace) -> None:
    from workbench.models import store

    model, gone = store.remove(options.name)
    if options.json:
        console.say_json({"name": model.name, "file": str(model.file), "removed": gone})
        return
    console.say(f"{model.name}: {'removed' if gone else 'forgotten;'} {model.file}{'' if gone else ' stays'}")
