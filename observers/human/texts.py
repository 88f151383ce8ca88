"""Our own words on the screen, in every language that we speak."""

from __future__ import annotations

from collections.abc import Mapping

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "go_on": "Press any key to go on.",
        "agree": "Press Enter to agree, Esc to leave.",
        "answer_by": "Choose with the keys {left} and {right}{mouse}.",
        "or_mouse": ", or click on the image",
        "tie_by": "If you see no difference, press {tie}.",
        "practice": "We begin with {trials} trials of practice.",
        "practice_over": "Practice is over. The experiment begins.",
        "next": "Next question:",
        "rest": "Take a break. {done} of {total} are done.",
        "thanks": "That was all. Thank you!",
        "stop": "End the session here?\n\nEnter: end. Any other key: go on.\nYour answers are saved either way.",
        "welcome_back": "Welcome back. We go on where you stopped.",
        "took_left": "Left",
        "took_right": "Right",
        "took_tie": "No difference",
        "first": "first",
        "second": "second",
        "enter": "Type your answer, then press Enter.",
        "choose": "Press the number of your answer.",
        "loading": "The images are being loaded …",
    },
    "de": {
        "go_on": "Weiter mit einer beliebigen Taste.",
        "agree": "Zustimmen: Eingabetaste. Verlassen: Esc.",
        "answer_by": "Wählen Sie mit den Tasten {left} und {right}{mouse}.",
        "or_mouse": " oder klicken Sie auf das Bild",
        "tie_by": "Wenn Sie keinen Unterschied sehen, drücken Sie {tie}.",
        "practice": "Wir beginnen mit {trials} Durchgängen zur Übung.",
        "practice_over": "Die Übung ist vorbei. Nun beginnt das Experiment.",
        "next": "Die nächste Frage:",
        "rest": "Machen Sie eine Pause. {done} von {total} sind geschafft.",
        "thanks": "Das war alles. Vielen Dank!",
        "stop": (
            "Die Sitzung hier beenden?\n\nEingabetaste: beenden. Jede andere Taste: weiter.\n"
            "Ihre Antworten sind in jedem Fall gespeichert."
        ),
        "welcome_back": "Willkommen zurück. Wir machen dort weiter, wo Sie aufgehört haben.",
        "took_left": "Links",
        "took_right": "Rechts",
        "took_tie": "Kein Unterschied",
        "first": "erstes",
        "second": "zweites",
        "enter": "Tippen Sie Ihre Antwort und drücken Sie die Eingabetaste.",
        "choose": "Drücken Sie die Nummer Ihrer Antwort.",
        "loading": "Die Bilder werden geladen …",
    },
    "zh": {
        "go_on": "按任意键继续。",
        "agree": "按回车键表示同意，按 Esc 键退出。",
        "answer_by": "请用 {left} 键和 {right} 键选择{mouse}。",
        "or_mouse": "，或点击图片",
        "tie_by": "如果看不出差别，请按 {tie}。",
        "practice": "首先进行 {trials} 次练习。",
        "practice_over": "练习结束，实验开始。",
        "next": "下一个问题：",
        "rest": "请休息一下。已完成 {done} / {total}。",
        "thanks": "全部完成，谢谢！",
        "stop": "要在这里结束吗？\n\n回车键：结束。其他键：继续。\n无论如何，您的回答都已保存。",
        "welcome_back": "欢迎回来，我们从上次停下的地方继续。",
        "took_left": "左",
        "took_right": "右",
        "took_tie": "没有差别",
        "first": "第一张",
        "second": "第二张",
        "enter": "请输入答案，然后按回车键。",
        "choose": "请按答案的编号。",
        "loading": "正在加载图片……",
    },
}

_KEYS: Mapping[str, Mapping[str, str]] = {
    "en": {"left": "←", "right": "→", "up": "↑", "down": "↓", "space": "space", "return": "Enter"},
    "de": {"left": "←", "right": "→", "up": "↑", "down": "↓", "space": "Leertaste", "return": "Eingabe"},
    "zh": {"left": "←", "right": "→", "up": "↑", "down": "↓", "space": "空格", "return": "回车"},
}

_FONTS: Mapping[str, tuple[str, ...]] = {
    "zh": ("Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei", "SimHei"),
    "ja": ("Noto Sans CJK JP", "Yu Gothic", "Hiragino Sans"),
    "ko": ("Noto Sans CJK KR", "Malgun Gothic", "Apple SD Gothic Neo"),
}
_PLAIN = ("Noto Sans", "DejaVu Sans", "Segoe UI", "Helvetica Neue", "Arial")


def spoken(language: str) -> str:
    """Return the language of ours that serves a language; English where we do not speak it."""
    code = language.partition("-")[0]
    return code if code in TEXTS else "en"


def text(name: str, language: str, **filled: object) -> str:
    """Return one of our texts, its gaps filled."""
    return TEXTS[spoken(language)][name].format(**filled)


def key_name(key: str, language: str) -> str:
    """Return what a key is called."""
    return _KEYS[spoken(language)].get(key, key.upper())


def fonts(language: str) -> tuple[str, ...]:
    """Return the fonts that show a language, the best first."""
    return (*_FONTS.get(language.partition("-")[0], ()), *_PLAIN)
