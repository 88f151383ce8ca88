r"""Reads what any reader takes for an answer and the strict reading does not: ``--reading lenient``, a closed grammar.

    reply   = [thoughts] [lead] [article] [noun] LABEL [noun] [mark]
    lead    = "answer", "final answer", "my answer", "choice", "答案", "Antwort", …, with ":" or "is"
    noun    = "image", "picture", "option", "图片", "Bild", …
    marks   = \boxed{…}, <answer>…</answer>, boxes of GLM's, thoughts of Kimi's, ends of turns such as <|im_end|>

Nothing else is taken: no other word may stand beside the label, so that "not A", "A, but B" and "A or B" stay invalid.
Every label is read by the same rules, whichever side it names. Width and case of letters do not matter (NFKC).
"""

from __future__ import annotations

import re
import unicodedata

from visavis.experiments import Choice

from .answer_reading import ParsedAnswer, bare, read_answer
from .question import Question

_ENDS = re.compile(
    r"(<\|(im_end|endoftext|eot_id|end|end_of_text|user|observation)\|>|</s>|<end_of_turn>|<eos>|\[EOS\]|\s)+$"
)
_THOUGHTS = re.compile(r"^\s*(◁think▷.*?◁/think▷|<thinking>.*?</thinking>|<reasoning>.*?</reasoning>)", re.DOTALL)
_BOXES = (
    re.compile(r"<\|begin_of_box\|>(.*?)<\|end_of_box\|>", re.DOTALL),
    re.compile(r"<answer>(.*?)</answer>", re.DOTALL),
    re.compile(r"\$*\\boxed\{(?:\\text\{)?([^{}]*)\}?\}\$*"),
)
_LEAD = re.compile(
    r"""^ (the\s+|my\s+|die\s+|meine\s+)? (final\s+|correct\s+)?
        (answer|choice|selection|response|antwort|auswahl|答案|回答|选择|réponse|respuesta)
        (\s*(is|ist|是|为|est|es)\b\s*:? | \s*[:：] | 是 | 为) \s*""",
    re.IGNORECASE | re.VERBOSE,
)
_ARTICLE = re.compile(r"^(the|die|das|der|la|le|el)\s+", re.IGNORECASE)
_NOUN = r"(image|picture|photo|photograph|option|choice|one|bild|foto|图像|图片|图|照片|选项|imagen)"
_BEFORE = re.compile(rf"^{_NOUN}\s*[:：]?\s*", re.IGNORECASE)
_AFTER = re.compile(rf"\s*{_NOUN}$", re.IGNORECASE)


def read_leniently(text: str, question: Question) -> ParsedAnswer:
    """Read a reply strictly, or else by the grammar of this module."""
    strict = read_answer(text, question)
    if strict.choice is not None:
        return strict
    plain = _ENDS.sub("", unicodedata.normalize("NFKC", text))
    opened = _THOUGHTS.match(plain)
    if opened:
        plain = plain[opened.end() :]
    thoughts, closed, after = plain.rpartition("</think>")
    if closed:
        plain = after
    reasons: list[str] = [part for part in (opened[0] if opened else "", thoughts) if part.strip()]
    strict = read_answer(plain, question)
    if strict.choice is not None:
        return ParsedAnswer(strict.choice, "\n\n".join([*reasons, *filter(None, [strict.reasoning])]) or None)
    if question.reasoning:
        before, _, plain = plain.strip().rpartition("\n")
        if not _LEAD.match(bare(plain)) and not any(box.search(plain) for box in _BOXES):
            return ParsedAnswer(None)
        reasons += [before] if before.strip() else []
    return ParsedAnswer(_label(plain, question), "\n\n".join(reasons).strip() or None)


def _label(text: str, question: Question) -> Choice | None:
    for box in _BOXES:
        found = box.findall(text)
        if len(found) == 1:
            around = bare(_LEAD.sub("", bare(box.sub("", text)) + " ").strip(" :："))
            if around and not _LEAD.fullmatch(f"{around}: "):
                return None
            text = found[0]
    rest = _ARTICLE.sub("", _LEAD.sub("", bare(text)))
    for shape in (rest, _BEFORE.sub("", rest), _AFTER.sub("", rest)):
        for label, choice in question.answers.items():
            if bare(unicodedata.normalize("NFKC", label)) == bare(shape):
                return choice
    return None
