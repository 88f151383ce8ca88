"""The methods paragraph: what was done, in sentences that a paper can take, with the numbers filled in."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from visavis.scaling.comparison.compare import Comparison
from visavis.scaling.comparison.screening import ScreeningRule

_MODELS = {
    "thurstone": "Thurstone's Case V (1927; unit: the SD of a difference)",
    "bradley_terry": "the Bradley-Terry model (1952; unit: logits)",
}
_MODES = {
    "aggregate": "the mean scale values over scenes",
    "pooled": "the scale values of all scenes and renditions at once",
    "per_scene_mean": "the scale values of each scene, averaged over scenes,",
}
_CORRECTIONS = {"add_half": "(k + ½) / (N + 1)", "clip": "clipped at 1 / (2N)"}
_LIMITS = {
    "max_invalid": "gave no choice in more than {:.0%} of the trials",
    "max_disagreement": "answered more than {:.0%} of the repetitions differently",
    "min_catch": "answered fewer than {:.0%} of the catch trials as expected",
    "max_out_of_line": "had a score above {:g} in the leave-one-out likelihood (Perez-Ortiz & Mantiuk, 2017)",
}


def methods_paragraph(comparison: Comparison) -> str:
    """Return how a comparison was made, in English sentences."""
    return " ".join(
        (*_data(comparison), *_scaling(comparison), *_with_people(comparison), *_alone(comparison), *_end(comparison))
    )


def _data(comparison: Comparison) -> list[str]:
    outcomes = comparison.outcomes
    used = int(outcomes.reindex(columns=["choice", "tie"], fill_value=0).to_numpy().sum())
    asked = int(outcomes["trials"].sum())
    who = [
        _count(len(names), *words)
        for names, words in ((comparison.people, ("person", "people")), (comparison.models, ("model", "models")))
        if names
    ]
    sentences = [
        f"{' and '.join(who)} compared renditions of the same scene in pairs "
        f"({_count(len(comparison.scenes), 'scene', 'scenes')}, "
        f"{_count(len(comparison.items), 'rendition', 'renditions')}) on {_listed(comparison.attributes)}.",
        f"Of {_count(asked, 'trial', 'trials')} {used:,} ended in a choice or a tie and "
        f"{'was' if used == 1 else 'were'} analysed.",
    ]
    rule = comparison.options.screening
    if rule is not None and len(comparison.screening):
        out, everyone = int(comparison.screening["excluded"].sum()), len(comparison.screening)
        who_left = "nobody" if not out else f"{out} of {_count(everyone, 'person', 'people')}"
        sentences.append(f"People were left out who {_listed(_limits(rule), 'or')}; this left out {who_left}.")
    return sentences


def _scaling(comparison: Comparison) -> list[str]:
    options = comparison.options
    method = {
        "map": f"by maximum a posteriori with independent Gaussian priors of SD {options.prior_sd:g}",
        "ml": "by maximum likelihood",
        "least_squares": f"by least squares on the quantiles of the proportions, {_CORRECTIONS[options.correction]}",
    }[options.method]
    ties = "; ties counted as half a choice of either" if "tie" in comparison.outcomes else ""
    sentences = [
        f"Choices were scaled separately for each observer, attribute and scene with {_MODELS[options.model]} "
        f"{method}{ties}."
    ]
    if len(comparison.people) > 1:
        sentences.append("People's choices were pooled before scaling.")
    return sentences


def _with_people(comparison: Comparison) -> list[str]:
    sentences = []
    several = len(comparison.people) > 1
    if len(comparison.alignment):
        ceiling = (
            ", beside the mean ρ of one person with all the others (the lower bound of the noise ceiling; Nili et al., "
            "2014)"
            if several
            else ""
        )
        sentences.append(
            f"Agreement is Spearman's ρ between {_MODES[comparison.options.rho_mode]} of a model and of "
            f"{'people' if several else 'the person'}{ceiling}."
        )
    if len(comparison.differences):
        sentences.append(
            "Models were compared by the difference of their ρ in the same resamples, p adjusted for all pairs of "
            "models (Holm, 1979); p is no less than a sign test over the scenes can give."
        )
    if len(comparison.agreement):
        kappa = (
            "; error consistency κ is taken with each person, the majority of the others counting as right, and "
            "averaged (Geirhos et al., 2020)"
            if "kappa" in set(comparison.agreement["measure"])
            else ""
        )
        sentences.append(
            "Pair by pair, accuracy is the share of pairs on which a model's majority answer is that of "
            f"{'people' if several else 'the person'}{kappa}."
        )
    return sentences


def _alone(comparison: Comparison) -> list[str]:
    sentences = []
    if comparison.vr_within["any"].notna().any():
        sentences.append("VR% within an observer is the share of pairs whose repetitions were not answered alike.")
    if len(comparison.vr_rest):
        sentences.append(
            "VR% between models is the disagreement of a model's majority answers with the majority of the other "
            "models."
        )
    if len(comparison.weights):
        others = list(dict.fromkeys(comparison.weights["attribute"]))
        sentences.append(
            f"The weights of {_listed(others)} in {comparison.options.target} are those of a linear regression on "
            "standardised scale values over all scenes and renditions, with LMG shares of R² (Lindeman et al., 1980)."
        )
    return sentences


def _end(comparison: Comparison) -> list[str]:
    options = comparison.options
    resampling = options.resampling
    sentences = []
    if len(comparison.scenes) > 1:
        kind = (
            "expanded percentile intervals (Hesterberg, 2015)"
            if resampling.method == "expanded"
            else "percentile intervals"
        )
        people = (
            "; those of ρ from resampled people too" if options.resample_people and len(comparison.people) > 1 else ""
        )
        sentences.append(
            f"Intervals are {100 * options.level:g} % {kind} from "
            f"{_count(resampling.n, 'resample', 'resamples')} of scenes (seed {resampling.seed}){people}."
        )
    return [*sentences, f"The analysis was done with visavis {version('visavis')}."]


def _limits(rule: ScreeningRule) -> list[str]:
    return [_LIMITS[name].format(limit) for name, limit in asdict(rule).items() if limit is not None]


def _listed(words: tuple[str, ...] | list[str], last: str = "and") -> str:
    return f" {last} ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
