"""The one stylesheet, built from the tokens. Widgets name their part by ``objectName`` or the ``part`` property."""

from __future__ import annotations

from ui.theme.tokens import Tokens
from workbench import paths

_SHEET = """
QWidget {{ color: {text}; }}
QMainWindow, QDialog {{ background: {window}; }}
QToolTip {{ background: {raised}; color: {text}; border: 1px solid {line}; border-radius: 4px; padding: 4px 8px; }}
QLabel {{ background: transparent; }}
QLabel[part="title"] {{ font-weight: 600; }}
QLabel[part="quiet"] {{ color: {text-2}; }}
QLabel[part="faint"] {{ color: {text-3}; font-size: {small}px; }}
QLabel[part="small"] {{ color: {text-2}; font-size: {small}px; }}
QLabel[part="error"] {{ color: {bad}; }}
QFrame[part="panel"], QWidget[part="panel"]
  {{ background: {surface}; border: 1px solid {surface}; border-radius: 6px; }}
QFrame[part="panel"][ring="true"] {{ border: 1px solid {accent-fill}; }}
QFrame[part="bar"], QWidget[part="bar"] {{ background: {surface}; border-bottom: 1px solid {line}; }}
QFrame[part="guide"] {{ background: {raised}; border: 1px solid {accent-fill}; border-radius: 6px; }}
QFrame[part="card"] {{ background: {raised}; border: none; border-radius: 6px; }}
QLabel[part="drop"] {{ background: {sunken}; border: 3px solid {accent-fill}; color: {text}; }}
QFrame[part="over"] {{ background: {raised}; border: 1px solid {line}; }}
QFrame[part="warning"] {{ background: {wrong-soft}; border: 1px solid {wrong}; border-radius: 6px; }}
QSplitter::handle {{ background: {window}; }}
QSplitter::handle:hover {{ background: {line}; }}
QScrollArea, QAbstractScrollArea {{ border: none; background: transparent; }}
QScrollArea > QWidget > QWidget {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
QScrollBar::handle
  {{ background: {control-hover}; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }}
QScrollBar::handle:hover {{ background: {text-3}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QPushButton, QToolButton
  {{ background: {control}; border: none; border-radius: 6px; padding: 0 {u3}px; min-height: {hit}px; }}
QToolButton {{ padding: 0 {u2}px; }}
QPushButton:hover, QToolButton:hover {{ background: {control-hover}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {line}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {text-3}; }}
QPushButton[part="primary"], QToolButton[part="primary"], QToolButton[part="primary"]:checked
  {{ background: {accent-fill}; color: {on-accent}; }}
QPushButton[part="primary"]:disabled, QToolButton[part="primary"]:disabled {{ background: {control}; color: {text-3}; }}
QPushButton:focus, QToolButton:focus, QComboBox:focus, QLineEdit:focus, QSpinBox:focus
  {{ border: 1px solid {accent-fill}; }}
QToolButton[part="plain"] {{ background: transparent; }}
QToolButton[part="plain"]:hover {{ background: {control}; }}
QToolButton[part="quiet"] {{ background: transparent; color: {text-2}; }}
QToolButton[part="quiet"]:hover {{ background: {control}; color: {text}; }}
QToolButton[part="link"] {{ background: transparent; color: {accent}; padding: 0 {u1}px; font-size: {small}px;
  min-height: {link}px; }}
QToolButton[part="link"]:hover {{ background: {control}; }}
QToolButton:checked {{ background: {accent-soft}; color: {accent}; }}
QToolButton[part="quiet"]:checked {{ background: {accent-soft}; color: {accent}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QComboBox
  {{ background: {control}; border: 1px solid transparent; border-radius: 6px;
     padding: 0 {u2}px; min-height: {hit2}px; }}
QComboBox:hover {{ background: {control-hover}; }}
QComboBox::drop-down {{ border: none; width: 18px; }}
QComboBox::down-arrow {{ image: url("{icons}/chevron-{theme}.svg"); width: 16px; height: 16px; }}
QComboBox QAbstractItemView {{ background: {raised}; border: 1px solid {line}; outline: 0; padding: 4px;
  selection-background-color: {accent-soft}; selection-color: {text}; }}
QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser
  {{ background: {sunken}; border: 1px solid {line}; border-radius: 6px; padding: {u1}px {u2}px;
     selection-background-color: {accent-fill}; selection-color: {on-accent}; }}
QPlainTextEdit[part="bare"], QTextBrowser[part="bare"] {{ background: transparent; border: none; padding: 0; }}
QAbstractSpinBox {{ background: {sunken}; border: 1px solid {line}; border-radius: 6px; padding: 0 {u2}px;
  min-height: {hit2}px; selection-background-color: {accent-fill}; selection-color: {on-accent}; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; border: none; }}
QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ background: transparent; border: none; padding: 0; }}
QCheckBox, QRadioButton {{ spacing: {u2}px; min-height: {hit2}px; background: transparent; }}
QCheckBox::indicator, QRadioButton::indicator, QTableView::indicator, QTreeView::indicator
  {{ width: 14px; height: 14px; border: 1px solid {text-3}; background: {sunken}; }}
QCheckBox::indicator, QTableView::indicator, QTreeView::indicator {{ border-radius: 3px; }}
QRadioButton::indicator {{ border-radius: 7px; }}
QCheckBox::indicator:hover, QRadioButton::indicator:hover {{ border-color: {text}; }}
QCheckBox::indicator:checked, QTableView::indicator:checked, QTreeView::indicator:checked
  {{ background: {accent-fill}; border-color: {accent-fill}; image: url("{icons}/check-{theme}.svg"); }}
QRadioButton::indicator:checked {{ background: {accent-fill}; border-color: {accent-fill}; }}
QTabBar {{ background: transparent; qproperty-drawBase: 0; }}
QTabBar::tab {{ background: transparent; color: {text-2}; padding: {u2}px 0 {u1}px 0; margin: 0 {u3}px 0 0;
  border: none; border-bottom: 2px solid transparent; }}
QTabBar::tab:hover {{ color: {text}; }}
QTabBar::tab:selected {{ color: {text}; border-bottom: 2px solid {accent-fill}; }}
QTabBar::tab:focus {{ color: {accent}; }}
QTabBar QToolButton {{ background: {surface}; min-height: 0; padding: 0; border-radius: 0; }}
QTabWidget::pane {{ border: none; }}
QMenuBar {{ background: {surface}; color: {text-2}; border: none; }}
QMenuBar::item {{ background: transparent; padding: {u1}px {u2}px; border-radius: 4px; }}
QMenuBar::item:selected {{ background: {control}; color: {text}; }}
QMenu {{ background: {raised}; border: 1px solid {line}; border-radius: 6px; padding: 4px; }}
QMenu::item {{ padding: {u1}px {u6}px {u1}px {u3}px; border-radius: 4px; min-height: 20px; }}
QMenu::icon {{ padding-left: {u2}px; }}
QMenu::item:selected {{ background: {control-hover}; }}
QMenu::item:disabled {{ color: {text-3}; }}
QMenu::separator {{ height: 1px; background: {line}; margin: 4px 8px; }}
QListView, QTableView, QTreeView {{ background: transparent; border: none; outline: 0;
  selection-background-color: {accent-soft}; selection-color: {text}; }}
QListWidget::item {{ padding: 0 {u2}px; border-radius: 4px; }}
QListWidget[part="steps"]::item {{ padding: {u1}px {u2}px; }}
QListWidget::item:selected {{ background: {accent-soft}; color: {text}; }}
QListWidget::item:hover {{ background: {raised}; }}
QTableView {{ gridline-color: {line}; }}
QTableView::item, QTreeView::item {{ padding: 0 {cell}px; border: none; }}
QTableView::item:selected, QTreeView::item:selected {{ background: {accent-soft}; color: {text}; }}
QTableView::item:hover, QTreeView::item:hover {{ background: {raised}; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{ background: {surface}; color: {text-3}; border: none; border-bottom: 1px solid {line};
  padding: {u1}px {u2}px; font-size: {small}px; }}
QTableCornerButton::section {{ background: {surface}; border: none; }}
QProgressBar {{ background: {track}; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }}
QProgressBar::chunk {{ background: {accent-fill}; border-radius: 3px; }}
QSlider::groove:horizontal {{ background: {track}; height: 4px; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {accent-fill}; border-radius: 2px; }}
QSlider::handle:horizontal {{ background: {text}; width: 12px; height: 12px; margin: -4px 0; border-radius: 6px; }}
QStatusBar {{ background: {surface}; color: {text-2}; }}
QStatusBar::item {{ border: none; }}
"""


def stylesheet(tokens: Tokens, size: int, unit: int) -> str:
    """The stylesheet of a theme at a type size; ``unit`` is a step of the grid in px."""
    steps = {f"u{n}": str(n * unit) for n in (1, 2, 3, 4, 6)}
    sizes = {"small": str(size - 2), "hit": str(size + 15), "hit2": str(size + 13), "link": str(size + 5)}
    sizes["cell"] = str(2 * unit - 3)  # Qt indents an item's text by 3 px of its own: cells stand under their heads
    icons = (paths.resources() / "icons").as_posix()
    return _SHEET.format_map({**tokens.colors, **steps, **sizes, "icons": icons, "theme": tokens.name})
