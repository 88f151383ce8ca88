"""The page's own texts, in English, German and Chinese; those of the session are the flow's."""

from __future__ import annotations

from collections.abc import Mapping

from visavis.observers.human.fixed_texts import served_language

PAGE_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "continue": "Continue",
        "agree": "I agree",
        "leave": "Leave",
        "end": "End",
        "no_difference": "No difference",
        "first": "First image",
        "second": "Second image",
        "interrupted": "The window was changed or left. The trial is shown again.",
        "zoomed": "Please undo the zoom of the page (spread or pinch the fingers) to go on.",
        "too_small": "The window is too small for the images. Please enlarge it, or rotate your device.",
        "screen_too_small": "This screen is too small for the images. Please come back on a larger one.",
        "offline": "No connection. Your answers are kept, and sent as soon as the connection is back.",
        "other_tab": "This study is open in another tab.",
        "use_here": "Go on here",
        "saving": "Your answers are being saved …",
        "ended": "The session has ended. Your answers are saved. To go on, open the same link again.",
        "code": "Your completion code:",
        "return": "To finish, go back to where you came from:",
        "declined": "You did not agree. Nothing was recorded.",
        "full": "This study has enough participants. Thank you for your interest.",
        "paused": "This study is paused. Please try again later.",
        "over": "This study has ended. Thank you for your interest.",
        "unknown_link": "This link is not known. Please use the link that you were given.",
        "bad_link": "This link is not complete. Please use the link that you were given.",
        "code_in_use": (
            "Somebody has begun with this link, in another browser. If it was you, go on in that browser, or ask the "
            "experimenter for your own link."
        ),
        "preview_only": "This is a preview. Accept the task to take part.",
        "failed": "Something went wrong on the server. Your answers so far are saved. Please try again later.",
    },
    "de": {
        "continue": "Weiter",
        "agree": "Ich stimme zu",
        "leave": "Verlassen",
        "end": "Beenden",
        "no_difference": "Kein Unterschied",
        "first": "Erstes Bild",
        "second": "Zweites Bild",
        "interrupted": "Das Fenster wurde verändert oder verlassen. Der Durchgang wird noch einmal gezeigt.",
        "zoomed": "Bitte machen Sie die Vergrößerung der Seite (mit den Fingern) rückgängig.",
        "too_small": ("Das Fenster ist zu klein für die Bilder. Bitte vergrößern Sie es, oder drehen Sie Ihr Gerät."),
        "screen_too_small": (
            "Dieser Bildschirm ist zu klein für die Bilder. Bitte kommen Sie an einem größeren wieder."
        ),
        "offline": ("Keine Verbindung. Ihre Antworten bleiben erhalten und werden später gesendet."),
        "other_tab": "Diese Studie ist in einem anderen Tab geöffnet.",
        "use_here": "Hier weitermachen",
        "saving": "Ihre Antworten werden gespeichert …",
        "ended": (
            "Die Sitzung ist beendet. Ihre Antworten sind gespeichert. Mit demselben Link können Sie weitermachen."
        ),
        "code": "Ihr Code zum Abschluss:",
        "return": "Zum Abschluss gehen Sie dorthin zurück, woher Sie kamen:",
        "declined": "Sie haben nicht zugestimmt. Es wurde nichts gespeichert.",
        "full": "Diese Studie hat genügend Teilnehmende. Vielen Dank für Ihr Interesse.",
        "paused": "Diese Studie ist unterbrochen. Bitte versuchen Sie es später wieder.",
        "over": "Diese Studie ist beendet. Vielen Dank für Ihr Interesse.",
        "unknown_link": "Dieser Link ist nicht bekannt. Bitte verwenden Sie den Link, den Sie erhalten haben.",
        "bad_link": "Dieser Link ist nicht vollständig. Bitte verwenden Sie den Link, den Sie erhalten haben.",
        "code_in_use": (
            "Mit diesem Link hat schon jemand begonnen, in einem anderen Browser. Wenn Sie es waren, machen Sie dort "
            "weiter, oder bitten Sie die Versuchsleitung um Ihren eigenen Link."
        ),
        "preview_only": "Dies ist eine Vorschau. Nehmen Sie die Aufgabe an, um teilzunehmen.",
        "failed": (
            "Auf dem Server ist etwas schiefgegangen. Ihre bisherigen Antworten sind gespeichert. Bitte versuchen Sie "
            "es später wieder."
        ),
    },
    "zh": {
        "continue": "继续",
        "agree": "我同意",
        "leave": "退出",
        "end": "结束",
        "no_difference": "没有差别",
        "first": "第一张图片",
        "second": "第二张图片",
        "interrupted": "窗口已改变或被离开。此次将重新显示。",
        "zoomed": "请取消页面缩放后继续。",
        "too_small": "窗口太小，无法显示图片。请放大窗口或旋转设备。",
        "screen_too_small": "屏幕太小，无法显示图片。请在更大的屏幕上参加。",
        "offline": "没有网络连接。您的回答已保留，连接恢复后会立即发送。",
        "other_tab": "本研究已在另一个标签页中打开。",
        "use_here": "在此继续",
        "saving": "正在保存您的回答……",
        "ended": "实验已结束，您的回答已保存。再次打开同一链接可以继续。",
        "code": "您的完成代码：",
        "return": "请返回原来的网站完成：",
        "declined": "您没有同意，未记录任何内容。",
        "full": "本研究的参与者已足够，感谢您的关注。",
        "paused": "本研究已暂停，请稍后再试。",
        "over": "本研究已结束，感谢您的关注。",
        "unknown_link": "未知链接，请使用您收到的链接。",
        "bad_link": "链接不完整，请使用您收到的链接。",
        "code_in_use": "已有人在另一浏览器中用此链接开始。如果是您，请在那个浏览器中继续，或向实验员索取您自己的链接。",
        "preview_only": "这是预览，请先接受任务。",
        "failed": "服务器出错。到目前为止的回答已保存，请稍后再试。",
    },
}


def page_texts(language: str) -> Mapping[str, str]:
    """Return the page's texts in a language, or in English."""
    return PAGE_TEXTS[served_language(language)]
