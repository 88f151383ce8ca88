"""Recognises that a provider's filter refused what is shown or asked, however the provider says it.

Such a refusal is about one image or one question. It settles that trial as ``filtered``, and never ends a run.
"""

from __future__ import annotations

import re

_CODES = (
    "content_filter",  # OpenAI, Azure, Moonshot
    "content_policy_violation",  # OpenAI; image_content_policy_violation too
    "responsibleaipolicyviolation",  # Azure
    "moderation_blocked",  # OpenAI
    "safety_violations",  # OpenAI
    "data_inspection_failed",  # Alibaba
    "datainspectionfailed",  # Alibaba
    "sensitivecontentdetected",  # Doubao; InputImageSensitiveContentDetected and the like too
    "content exists risk",  # DeepSeek
    "new_sensitive",  # MiniMax
    "censorship_blocked",  # StepFun
    "flagged_input",  # OpenRouter
    "guardrail_intervened",  # Bedrock
    '"code":"1301"',  # Zhipu
    '"code":1301',
)
"""What providers put into an error's code or fixed message, without regard to case and blanks after colons."""

_WORDS = re.compile(
    r"""
    content[\s_-]*(filter|moderation|policy|policies|safety|risk)      # blocked by content filtering policy (Anthropic)
    | (flagged|blocked|rejected|refused|prohibited) .{0,60}
      (moderation|safety|filter|policy|policies|guardrail|potentially\sviolating)
    | (moderation|safety|filter|guardrail)s? .{0,60} (flagged|blocked|rejected|refused|triggered|intervened)
    | violat\w* .{0,60} (usage|content|use|safety|our) .{0,20} (guideline|polic|rule)     # usage guidelines (xAI)
    | safety_check_type
    | requires\smoderation
    | (sensitive|inappropriate|unsafe|harmful|explicit|nsfw|prohibited|high[\s-]risk|restricted)
      \s* (content|material|image)
    | considered\shigh\srisk                                           # Moonshot
    | 敏感 | 违规 | 不安全 | 违反
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_ACCOUNT = re.compile(
    r"\b(api[\s_-]?key|account|organi[sz]ation|subscription|billing|suspended|banned|deactivated|verif(y|ied|ication))\b",
    re.IGNORECASE,
)
UNAVAILABLE_FOR_LEGAL_REASONS = 451


def is_content_refusal(status: int, message: str) -> bool:
    """Return whether an error is a refusal of what was shown or asked.

    Parameters
    ----------
    status : int
        Of HTTP; one that is not the client's fault never is.
    message : str
        The error's whole body.
    """
    if status == UNAVAILABLE_FOR_LEGAL_REASONS:
        return True
    if status in (401, 402, 404, 407, 408, 429) or not 400 <= status < 500:
        return False
    plain = re.sub(r'(":)\s+', r"\1", message.lower())
    if any(code in plain for code in _CODES):
        return True
    if "<html" in plain:  # a proxy's page, which would answer every request alike
        return False
    if status == 403 and _ACCOUNT.search(message):  # an account may be blocked for what it sent, too: that ends the run
        return False
    return _WORDS.search(message) is not None
