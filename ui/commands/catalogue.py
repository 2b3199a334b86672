"""Every command of the window. Adding one takes a line here; menus, shortcuts, palette and help follow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ui import panels
from ui.commands.registry import Command, Registry
from ui.commands.target import Target
from ui.layouts import LAYOUTS


def register(registry: Registry, window: Target) -> None:
    """Add every command."""
    for group in (_file, _playback, _select, _lanes, _run, _story, _view, _help):
        for command in group(window):
            registry.add(command)


def _file(w: Target) -> list[Command]:
    return [
        Command("file.open-run", "Open run…", w.ask_run, "File", ("Ctrl+O",), "Open a recorded run (.mnemo)"),
        Command(
            "file.open-session",
            "Open session…",
            w.ask_session,
            "File",
            ("Ctrl+N",),
            "Replay a session file through memory systems of your choice",
        ),
        Command(
            "file.open-table",
            "Open table…",
            w.ask_table,
            "File",
            (),
            "Choose which columns of a JSON Lines, JSON, CSV or Parquet file are question, context, answers and more",
        ),
        Command(
            "file.probes",
            "Probes of a session…",
            w.ask_probes,
            "File",
            ("Ctrl+Shift+N",),
            "Write questions for a session file, by hand or by a model; they are kept beside it",
        ),
        Command(
            "file.open-model", "Open model…", w.ask_model, "File", ("Ctrl+M",), "Choose the GGUF that new runs use"
        ),
        Command(
            "file.models",
            "Models…",
            w.show_models,
            "File",
            ("Ctrl+Shift+M",),
            "Obtain, add and choose models, with what each needs of this machine",
        ),
        Command(
            "file.open-sample",
            "Open sample run",
            w.open_sample,
            "File",
            (),
            "Open the recorded run that ships with the program",
            group="sample",
        ),
        Command(
            "file.other-sample",
            "Other sample run",
            w.open_other_sample,
            "File",
            (),
            "Change between the samples that ship: the toy English one and the natural one",
            enabled=lambda: w.other_sample() is not None,
            group="sample",
        ),
        Command(
            "file.compare",
            "Compare runs…",
            w.ask_compare,
            "File",
            ("Ctrl+Shift+O",),
            "Put another run over the same session beside this one: which answers flipped, at the same cursor",
            _open(w),
            group="compare",
        ),
        Command(
            "file.stop-comparing",
            "Stop comparing",
            w.stop_comparing,
            "File",
            (),
            "Close the run that stands beside this one",
            w.comparing,
            group="compare",
        ),
        Command(
            "file.export-figure",
            "Export figure…",
            w.export_figure,
            "File",
            ("Ctrl+E",),
            "A figure of the panel that has the focus, for paper or slide: PNG, SVG or PDF, with its data beside it",
            _open(w),
            group="export",
        ),
        Command(
            "file.export-report",
            "Export report…",
            w.ask_report,
            "File",
            (),
            "The whole run as one HTML page: scores, comparisons, causes",
            _open(w),
            group="export",
        ),
        Command(
            "file.export-picture",
            "Export window as picture…",
            w.ask_picture,
            "File",
            ("Ctrl+Shift+E",),
            "Save what the window shows as PNG, SVG or PDF",
            _open(w),
            group="export",
        ),
        Command(
            "file.quit",
            "Quit",
            w.close,
            "File",
            ("Ctrl+Q",),
            "Leave; a live run is cancelled and can be continued",
            group="quit",
        ),
    ]


def _playback(w: Target) -> list[Command]:
    p, cursor, on = w.player, w.workspace.cursor, _open(w)

    def jump(forward: bool, wrong: bool = False) -> Callable[[], object]:
        return lambda: p.jump_probe(forward, wrong)

    return [
        Command(
            "playback.toggle", "Play or pause", p.toggle, "Playback", ("Space",), "Play or pause", on, lambda: p.playing
        ),
        Command("playback.forward", "Next turn", lambda: cursor.step(1), "Playback", ("Right", "L"), "One turn on", on),
        Command(
            "playback.back", "Previous turn", lambda: cursor.step(-1), "Playback", ("Left", "H"), "One turn back", on
        ),
        Command(
            "playback.next-event",
            "Next event",
            lambda: p.step_event(True),
            "Playback",
            ("Shift+Right",),
            "One event of the selected lane on",
            on,
        ),
        Command(
            "playback.previous-event",
            "Previous event",
            lambda: p.step_event(False),
            "Playback",
            ("Shift+Left",),
            "One event of the selected lane back",
            on,
        ),
        Command(
            "playback.next-probe", "Next probe", jump(True), "Playback", ("P",), "To the next probe", on, group="jump"
        ),
        Command(
            "playback.previous-probe",
            "Previous probe",
            jump(False),
            "Playback",
            ("Shift+P",),
            "To the previous probe",
            on,
            group="jump",
        ),
        Command(
            "playback.next-wrong",
            "Next wrong answer",
            jump(True, True),
            "Playback",
            ("W",),
            "To the next probe that the selected lane got wrong",
            on,
            group="jump",
        ),
        Command(
            "playback.previous-wrong",
            "Previous wrong answer",
            jump(False, True),
            "Playback",
            ("Shift+W",),
            "To the previous probe that the selected lane got wrong",
            on,
            group="jump",
        ),
        Command(
            "playback.next-change",
            "Next change of the memory",
            lambda: p.jump_change(True),
            "Playback",
            ("M",),
            "To the next turn at which the selected lane's memory changed",
            on,
            group="jump",
        ),
        Command(
            "playback.previous-change",
            "Previous change of the memory",
            lambda: p.jump_change(False),
            "Playback",
            ("Shift+M",),
            "To the previous turn at which the selected lane's memory changed",
            on,
            group="jump",
        ),
        Command(
            "playback.first",
            "First turn",
            lambda: cursor.go(0),
            "Playback",
            ("Home",),
            "To the first turn",
            on,
            group="ends",
        ),
        Command(
            "playback.last",
            "Last turn",
            lambda: cursor.go(cursor.last),
            "Playback",
            ("End",),
            "To the last turn",
            on,
            group="ends",
        ),
        Command("playback.go", "Go to turn…", w.ask_turn, "Playback", ("G",), "Type a turn to go to", on, group="ends"),
        Command(
            "playback.faster", "Faster", lambda: p.faster(1), "Playback", ("+", "="), "Play faster", on, group="speed"
        ),
        Command(
            "playback.slower", "Slower", lambda: p.faster(-1), "Playback", ("-",), "Play slower", on, group="speed"
        ),
    ]


def _select(w: Target) -> list[Command]:
    selection, on = w.workspace.selection, _open(w)
    commands = [
        Command(
            "select.back",
            "Selection before",
            selection.back,
            "Select",
            ("Alt+Left",),
            "Back to what was selected before",
            lambda: selection.can_go_back,
        ),
        Command(
            "select.forward",
            "Selection after",
            selection.forward,
            "Select",
            ("Alt+Right",),
            "Forward again",
            lambda: selection.can_go_forward,
        ),
        Command(
            "select.next-lane",
            "Next lane",
            lambda: w.step_lane(1),
            "Select",
            ("Down", "J"),
            "Select the next lane",
            on,
            group="lane",
        ),
        Command(
            "select.previous-lane",
            "Previous lane",
            lambda: w.step_lane(-1),
            "Select",
            ("Up", "K"),
            "Select the previous lane",
            on,
            group="lane",
        ),
        Command(
            "select.nothing",
            "Let go of item and probe",
            lambda: selection.select(item="", probe="", token=None, thread=None),
            "Select",
            ("Escape",),
            "Let go of the selected item, probe and token, and of the turn that is followed",
            on,
            group="lane",
        ),
        Command(
            "select.pin",
            "Pin the probe in question",
            w.workspace.pin,
            "Select",
            ("Ctrl+P",),
            "Keep all panels with this probe wherever the cursor goes",
            on,
            lambda: selection.now.pinned,
            group="lane",
        ),
        Command(
            "select.thread",
            "Follow this turn",
            lambda: w.workspace.follow_turn(w.workspace.cursor.turn),
            "Select",
            ("Shift+T",),
            "Mark what every memory made of this turn, and what became of that, in all panels; again: let go",
            on,
            lambda: selection.now.thread is not None,
            group="lane",
        ),
        Command(
            "select.answers",
            "Answers in full",
            w.show_answers,
            "Select",
            ("A",),
            "Read what every lane answered to the probe in question, beside the gold answer",
            on,
        ),
        Command(
            "select.remark",
            "Add a remark…",
            w.ask_remark,
            "Select",
            ("Ctrl+R",),
            "Say something of the selected item, the probe in question, or this turn; it is kept in the run file",
            on,
        ),
        Command(
            "select.next-session",
            "Next session",
            lambda: w.step_session(1),
            "Select",
            ("Ctrl+PgDown",),
            "To the next session of the run",
            w.has_sessions,
            group="session",
        ),
        Command(
            "select.previous-session",
            "Previous session",
            lambda: w.step_session(-1),
            "Select",
            ("Ctrl+PgUp",),
            "To the previous session of the run",
            w.has_sessions,
            group="session",
        ),
    ]
    return commands


def _lanes(w: Target) -> list[Command]:
    roster, chosen, on = w.workspace.roster, w.workspace.selection, _open(w)

    def lane() -> int:
        return chosen.now.lane

    def several() -> bool:
        return on() and len(roster.steps()) > 1

    return [
        Command(
            "lanes.hide", "Hide this lane", lambda: roster.hide(lane()), "Lanes", ("X",),
            "Take the selected lane off in all panels; the run keeps it", several,
        ),
        Command(
            "lanes.alone", "Show this lane alone", lambda: roster.set_alone(not roster.now.alone), "Lanes", ("O",),
            "Show the selected lane alone, beside pinned ones; the next lane then takes its place", on,
            lambda: roster.now.alone,
        ),
        Command(
            "lanes.show-all", "Show all lanes", roster.show_all, "Lanes", ("Shift+X",),
            "Show the lanes that are hidden", lambda: on() and bool(roster.hidden()),
        ),
        Command(
            "lanes.earlier", "Move this lane back", lambda: roster.move(lane(), -1), "Lanes",
            ("Shift+K", "Ctrl+Shift+Up"), "Move the selected lane to the left on cards, up in lists", several,
            group="order",
        ),
        Command(
            "lanes.later", "Move this lane on", lambda: roster.move(lane(), 1), "Lanes",
            ("Shift+J", "Ctrl+Shift+Down"), "Move the selected lane to the right on cards, down in lists", several,
            group="order",
        ),
        Command(
            "lanes.pin", "Pin this lane first", lambda: roster.pin(lane()), "Lanes", ("I",),
            "Keep the selected lane first and in sight, also beside one that is shown alone", on,
            lambda: roster.pinned(lane()), group="order",
        ),
        Command(
            "lanes.undo", "Undo the last change of lanes", roster.undo, "Lanes", ("Ctrl+Z",),
            "Take back the last hiding, moving or pinning of a lane", lambda: on() and roster.can_undo, group="undo",
        ),
        Command(
            "lanes.reset", "Lanes as in the run", roster.reset, "Lanes", (),
            "Every lane, in the order of the run; can be undone", lambda: on() and roster.arranged, group="undo",
        ),
    ]  # fmt: skip


def _run(w: Target) -> list[Command]:
    client = w.client
    return [
        Command(
            "run.pause",
            "Pause or go on",
            w.pause_run,
            "Run",
            ("F8",),
            "Pause the live run, or let it go on",
            lambda: client.state in ("running", "paused"),
        ),
        Command(
            "run.step",
            "One turn",
            client.step,
            "Run",
            ("F10",),
            "Let every lane do one more turn",
            lambda: client.state == "paused",
        ),
        Command(
            "run.cancel",
            "Cancel run",
            client.cancel,
            "Run",
            ("Shift+F5",),
            "End the live run; what was written stays and can be continued",
            lambda: client.live,
        ),
        Command(
            "run.resume",
            "Go on with this run",
            w.resume_run,
            "Run",
            ("Shift+F8",),
            "Continue a run that was cancelled or broke off, from its last turn",
            w.can_resume,
        ),
        Command(
            "run.branch",
            "What if…",
            w.ask_branch,
            "Run",
            ("Ctrl+B",),
            "Run the selected lane again from this turn with something changed, beside itself",
            _open(w),
        ),
        Command(
            "run.undo-branch",
            "Undo this branch…",
            w.ask_undo,
            "Run",
            ("Ctrl+Shift+B",),
            "Take the selected branch out of the run file again; the lane that it came from stays as it is",
            w.has_branch,
        ),
        Command(
            "run.follow",
            "Follow the live run",
            w.follow,
            "Run",
            ("F",),
            "Go to the last turn and stay there while the run goes on",
            lambda: client.live,
            group="follow",
        ),
    ]


def _story(w: Target) -> list[Command]:
    stage, book, on = w.stage, w.stage.book, _open(w)
    return [
        Command(
            "story.add",
            "Add a step",
            stage.add,
            "Story",
            ("S",),
            "Keep where you stand (layout, turn, selection, zoom) as a step of this run's story",
            on,
        ),
        Command(
            "story.play",
            "Play the story",
            stage.play,
            "Story",
            ("F5",),
            "Tell the story step by step, in large type and without chrome",
            on,
            lambda: book.telling,
        ),
        Command(
            "story.next",
            "Next step",
            stage.next,
            "Story",
            ("PgDown",),
            "To the next step of the story",
            lambda: book.at + 1 < len(book.steps),
            group="go",
        ),
        Command(
            "story.previous",
            "Previous step",
            stage.previous,
            "Story",
            ("PgUp",),
            "To the previous step of the story",
            lambda: book.at > 0,
            group="go",
        ),
        Command(
            "story.steps",
            "Steps…",
            w.show_steps,
            "Story",
            ("Ctrl+Shift+S",),
            "Name, note, order, delete, export and import the steps of the story",
            on,
            group="edit",
        ),
        Command(
            "story.spotlight",
            "Spotlight",
            stage.spotlight,
            "Story",
            ("Shift+S",),
            "Dim all but the panel pointed at; with Shift held all but a circle about the pointer",
            on,
            lambda: stage.light.on,
            group="light",
        ),
    ]


def _view(w: Target) -> list[Command]:
    on = _open(w)
    commands = [
        Command(
            "view.palette",
            "Command palette…",
            w.show_palette,
            "View",
            ("Ctrl+K", "Ctrl+Shift+P"),
            "Find any command, lane, probe or turn",
        ),
    ]
    for place, layout in enumerate(LAYOUTS.values()):
        commands.append(
            Command(
                f"view.layout-{layout.name.lower()}",
                f"{layout.name} layout",
                partial(w.set_layout, layout.name),
                "View",
                (f"Ctrl+{place + 1}",),
                layout.help,
                checked=partial(w.has_layout, layout.name),
                group="layout",
            )
        )
    commands.append(
        Command(
            "view.save-layout",
            "Save layout as…",
            w.ask_layout_name,
            "View",
            (),
            "Keep the panels as they are now under a name",
            group="layout",
        )
    )
    commands.append(
        Command(
            "view.reset-layout",
            "Reset layout",
            w.reset_layout,
            "View",
            (),
            "Give the panels of this layout the room, and its type the size, that they had at first",
            group="layout",
        )
    )
    for place, (name, title) in enumerate(panels.INSPECTORS.items()):
        commands.append(
            Command(
                f"view.{name}",
                f"Show {title.lower()}",
                partial(w.show_panel, name),
                "View",
                ("Ctrl+F",) if name == "find" else (f"Alt+{place + 1}",) if place < 9 else (),
                f"Bring the panel {title} to the front",
                on,
                group="panel",
            )
        )
    commands += [
        Command(
            f"view.errata-{'correct' if correct else 'leave-out'}",
            title,
            partial(w.ask_errata, correct),
            "View",
            (),
            help_,
            on,
            partial(_errata_are, w, correct),
            group="errata",
        )
        for correct, title, help_ in (
            (False, "Leave out known errors…", "Scores without the questions whose gold a file says is wrong, or with"),
            (True, "Correct known errors…", "Scores with the golds that a file of errata gives, or with the old ones"),
        )
    ]
    commands += [
        Command(
            "view.table",
            "Panel as table or picture",
            w.toggle_table,
            "View",
            ("T",),
            "Switch the panel that has the focus between its picture and its table",
            on,
            group="panel",
        ),
        Command(
            "view.float",
            "Panel in a window of its own",
            w.float_panel,
            "View",
            ("Ctrl+Shift+F",),
            "Show the panel that has the focus in a further window, on the second screen where there is one",
            on,
            group="panel",
        ),
        Command(
            "view.theme",
            "Dark or light",
            w.toggle_theme,
            "View",
            ("Ctrl+Shift+L",),
            "Switch between dark and light",
            group="look",
        ),
        Command(
            "view.less-motion",
            "Less motion",
            w.toggle_motion,
            "View",
            (),
            "Let nothing fade or move by itself",
            checked=w.less_motion,
            group="look",
        ),
        Command(
            "view.larger", "Larger type", lambda: w.zoom(1), "View", ("Ctrl++", "Ctrl+="), "Larger type", group="look"
        ),
        Command("view.smaller", "Smaller type", lambda: w.zoom(-1), "View", ("Ctrl+-",), "Smaller type", group="look"),
        Command(
            "view.full-screen",
            "Full screen",
            w.toggle_full_screen,
            "View",
            ("F11",),
            "Fill the screen, or not",
            checked=w.isFullScreen,
            group="look",
        ),
    ]
    return commands


def _errata_are(w: Target, correct: bool) -> bool:
    errata = w.workspace.errata
    return errata is not None and errata.correct is correct


def _help(w: Target) -> list[Command]:
    return [
        Command("help.show", "Help", w.show_help, "Help", ("F1",), "How to read the window"),
        Command(
            "help.keys", "Keyboard shortcuts", lambda: w.show_help("keys"), "Help", ("?",), "Every command and its keys"
        ),
        Command(
            "help.marks",
            "What the marks mean",
            lambda: w.show_help("marks"),
            "Help",
            (),
            "The marks of operations and lanes",
        ),
        Command(
            "help.around",
            "Show me around",
            w.show_around,
            "Help",
            (),
            "Point at the timeline, the lanes and the inspector in turn, and say what each is for",
            _open(w),
        ),
        Command("help.about", "About Mnemoscope", w.show_about, "Help", (), "Version and licence", group="about"),
    ]


def _open(w: Target) -> Callable[[], bool]:
    return lambda: w.workspace.run is not None and w.workspace.cursor.session != 0
