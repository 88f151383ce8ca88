"""The methods paragraph: what was done, in sentences that a paper can take, with the numbers filled in."""

from __future__ import annotations

from importlib.metadata import version

from visavis.scaling.comparison.screening import limits_in_words
from visavis.scaling.presentation.words import count, listed, percent
from visavis.scaling.study.result import Comparison

_MODELS = {
    "thurstone": "Thurstone's Case V (1927; unit: the SD of a difference)",
    "bradley_terry": "the Bradley-Terry model (1952; unit: logits)",
}
_CORRECTIONS = {"add_half": "(k + ½) / (N + 1)", "clip": "clipped at 1 / (2N)"}


def methods_paragraph(comparison: Comparison) -> str:
    """Return how a comparison was made, in English sentences."""
    of_analyses = [sentence for analysis in comparison.analyses for sentence in analysis.sentences(comparison)]
    return " ".join((*_data(comparison), *_scaling(comparison), *of_analyses, *_end(comparison)))


def _data(comparison: Comparison) -> list[str]:
    outcomes = comparison.outcomes
    used = int(outcomes.reindex(columns=["choice", "tie"], fill_value=0).to_numpy().sum())
    asked = int(outcomes["trials"].sum())
    who = [
        count(len(names), *words)
        for names, words in ((comparison.people, ("person", "people")), (comparison.models, ("model", "models")))
        if names
    ]
    sentences = [
        f"{' and '.join(who)} compared renditions of the same scene in pairs "
        f"({count(len(comparison.scenes), 'scene', 'scenes')}, "
        f"{count(len(comparison.renditions), 'rendition', 'renditions')}) on {listed(comparison.attributes)}.",
        f"Of {count(asked, 'trial', 'trials')} {used:,} ended in a choice or a tie and "
        f"{'was' if used == 1 else 'were'} analysed.",
    ]
    rule = comparison.options.screening
    if rule is not None and len(comparison.screening):
        out, everyone = int(comparison.screening["excluded"].sum()), len(comparison.screening)
        who_left = "no one" if not out else f"{out} of {count(everyone, 'person', 'people')}"
        sentences.append(f"People were left out who {listed(limits_in_words(rule), 'or')}; this left out {who_left}.")
    return sentences


def _scaling(comparison: Comparison) -> list[str]:
    options = comparison.options
    method = {
        "map": f"by maximum a posteriori with independent Gaussian priors of SD {options.prior_sd:g}",
        "ml": "by maximum likelihood",
        "firth": "by maximum likelihood with its first-order bias reduced (Firth, 1993; Kosmidis & Firth, 2009)",
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


def _end(comparison: Comparison) -> list[str]:
    options = comparison.options
    resampling = options.resampling
    sentences = []
    if len(comparison.scenes) > 1:
        people = (
            "; those of ρ from resampled people too" if options.resample_people and len(comparison.people) > 1 else ""
        )
        sentences.append(
            f"Intervals are {percent(options)} {resampling.in_words(len(comparison.scenes))} "
            f"{count(resampling.n, 'resample', 'resamples')} of scenes (seed {resampling.seed}){people}; where "
            "all resamples agree, none is given."
        )
    return [*sentences, f"The analysis was done with visavis {version('visavis')}."]
