"""The methods paragraph: what was done, in sentences that a paper can take, with the numbers filled in."""

from __future__ import annotations

from .comparison import Comparison

_MODELS = {
    "thurstone": "Thurstone's Case V (1927; unit: the SD of a difference)",
    "bradley_terry": "the Bradley-Terry model (1952; unit: logits)",
}
_MODES = {
    "aggregate": "the mean scale values over scenes",
    "pooled": "the scale values of all scenes and renditions at once",
    "per_scene_mean": "the scale values of each scene, averaged over scenes",
}


def methods_paragraph(comparison: Comparison) -> str:
    """Return how a comparison was made, in English sentences."""
    options = comparison.options
    method = {
        "map": f"by maximum a posteriori with independent Gaussian priors of SD {options.prior_sd:g}",
        "ml": "by maximum likelihood",
        "least_squares": f"by least squares on the quantiles of proportions ({options.correction.replace('_', ' ')})",
    }[options.method]
    outcomes = comparison.outcomes
    used = int(outcomes.reindex(columns=["choice", "tie"], fill_value=0).to_numpy().sum())
    asked = int(outcomes["trials"].sum())
    sentences = [
        f"{_count(len(comparison.people), 'person', 'people')} and {_count(len(comparison.models), 'model')} compared "
        f"renditions of the same scene in pairs ({_count(len(comparison.scenes), 'scene')}, "
        f"{_count(len(comparison.items), 'rendition')}) on {', '.join(comparison.attributes)}.",
        f"Of {asked:,} trials {used:,} ended in a choice or a tie and were analysed.",
        f"Choices were scaled separately for each observer, attribute and scene with {_MODELS[options.model]} "
        f"{method}; ties counted as half a choice of either.",
    ]
    if comparison.people:
        sentences.append("People's choices were pooled before scaling.")
    if len(comparison.alignment):
        sentences.append(
            f"Agreement is Spearman's ρ between {_MODES[options.rho_mode]} of a model and of people, beside the mean ρ "
            "of one person with all the others (the lower bound of the noise ceiling; Nili et al., 2014)."
        )
    if len(comparison.scenes) > 1:
        kind = "expanded percentile intervals (Hesterberg, 2015)" if options.expanded else "percentile intervals"
        sentences.append(
            f"Intervals are {100 * options.level:g} % {kind} from {options.resamples:,} resamples of scenes "
            f"(seed {options.seed})."
        )
    return " ".join(sentences)


def _count(n: int, one: str, many: str | None = None) -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
