"""The fixed texts of a session, in English, German and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

FIXED_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "go_on": "Press any key or click to go on.",
        "agree": "Press Enter to agree, Esc to leave.",
        "answer_by": "Choose with the keys {left} and {right}{mouse}.",
        "or_mouse": ", or click on the image",
        "answer_first_by": "Press {left} for the first image, {right} for the second.",
        "reference_middle": "The image in the middle is the reference.",
        "reference_first": "The reference is shown first, then the two images.",
        "tie_by": "If you see no difference, press {tie}.",
        "practice": "We begin with {trials} trials of practice.",
        "practice_over": "Practice is over. The experiment begins.",
        "next": "Next question:",
        "rest": "Take a break. {done} of {total} are done.",
        "thanks": "That was all. Thank you!",
        "stop": "End the session here?\n\nEnter: end. Any other key: go on.\nYour answers are saved either way.",
        "welcome_back": "Welcome back. We go on where you stopped.",
        "took_left": "You chose the left image.",
        "took_right": "You chose the right image.",
        "took_first": "You chose the first image.",
        "took_second": "You chose the second image.",
        "took_tie": "Your answer: no difference.",
        "enter": "Type your answer, then press Enter.",
        "choose": "Press the number of your answer.",
        "loading": "The images are being loaded …",
    },
    "de": {
        "go_on": "Weiter mit einer beliebigen Taste oder einem Klick.",
        "agree": "Zustimmen: Eingabetaste. Verlassen: Esc.",
        "answer_by": "Wählen Sie mit den Tasten {left} und {right}{mouse}.",
        "or_mouse": " oder klicken Sie auf das Bild",
        "answer_first_by": "Drücken Sie {left} für das erste Bild, {right} für das zweite.",
        "reference_middle": "Das Bild in der Mitte ist die Referenz.",
        "reference_first": "Zuerst sehen Sie die Referenz, dann die beiden Bilder.",
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
        "took_left": "Ihre Wahl: das linke Bild.",
        "took_right": "Ihre Wahl: das rechte Bild.",
        "took_first": "Ihre Wahl: das erste Bild.",
        "took_second": "Ihre Wahl: das zweite Bild.",
        "took_tie": "Ihre Antwort: kein Unterschied.",
        "enter": "Tippen Sie Ihre Antwort und drücken Sie die Eingabetaste.",
        "choose": "Drücken Sie die Nummer Ihrer Antwort.",
        "loading": "Die Bilder werden geladen …",
    },
    "zh": {
        "go_on": "按任意键或点击继续。",
        "agree": "按回车键表示同意，按 Esc 键退出。",
        "answer_by": "请用 {left} 键和 {right} 键选择{mouse}。",
        "or_mouse": "，或点击图片",
        "answer_first_by": "第一张图片请按 {left} 键，第二张图片请按 {right} 键。",
        "reference_middle": "中间的图片是参考图片。",
        "reference_first": "首先显示参考图片，然后依次显示两张图片。",
        "tie_by": "如果看不出差别，请按 {tie}。",
        "practice": "首先进行 {trials} 次练习。",
        "practice_over": "练习结束，实验开始。",
        "next": "下一个问题：",
        "rest": "请休息一下。已完成 {done} / {total}。",
        "thanks": "全部完成，谢谢！",
        "stop": "要在这里结束吗？\n\n回车键：结束。其他键：继续。\n无论如何，您的回答都已保存。",
        "welcome_back": "欢迎回来，我们从上次停下的地方继续。",
        "took_left": "您选择了左边的图片。",
        "took_right": "您选择了右边的图片。",
        "took_first": "您选择了第一张图片。",
        "took_second": "您选择了第二张图片。",
        "took_tie": "您的回答：没有差别。",
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


def served_language(language: str) -> str:
    """Return the language whose fixed texts serve a language: English where there are none in it."""
    code = language.partition("-")[0]
    return code if code in FIXED_TEXTS else "en"


def fixed_text(name: str, language: str, **values: object) -> str:
    """Return a fixed text, its placeholders filled in."""
    return FIXED_TEXTS[served_language(language)][name].format(**values)


def key_name(key: str, language: str) -> str:
    """Return what a key is called."""
    return _KEYS[served_language(language)].get(key, key.upper())


def fonts(language: str) -> tuple[str, ...]:
    """Return the fonts that show a language, the best first."""
    return (*_FONTS.get(language.partition("-")[0], ()), *_PLAIN)
