"""What stands above each table of the report, on the page and in LaTeX."""

from __future__ import annotations

from visavis.scaling.comparison.compare import Comparison

_MODES = {
    "aggregate": "the mean scale values over scenes",
    "pooled": "the scale values of all scenes and renditions",
    "per_scene_mean": "the scale values of each scene, averaged",
}


def captions(comparison: Comparison) -> dict[str, str]:
    """Return the caption of each table by its name."""
    options = comparison.options
    percent = f"{100 * options.level:g} %"
    over_people = " and people" if options.resample_people else ""
    target = options.target
    return {
        "alignment": "Spearman's ρ between each model's scale values and the people's "
        f"({options.rho_mode.replace('_', ' ')}), with {percent} intervals over resampled scenes{over_people}; number "
        "of scenes; what people reach among themselves: one person with the others, one person with all, two halves of "
        "the people, two people; and ρ as a share of the first.",
        "correlations": f"Spearman's ρ, Pearson's r and Kendall's τ-b with people, of {_MODES[options.rho_mode]}, with "
        f"{percent} intervals over resampled scenes; each beside its ceiling, the mean of one person with the others.",
        "ceilings": "How well people agree with each other. Of ρ: one person with the others, with all, two halves, "
        "two people. Pair by pair: accuracy and error consistency of one person against the others. Of single choices: "
        "the share that the majority of all, the majority of the others, or another person's choice predicts.",
        "agreement": "Accuracy: share of pairs on which the model's majority is the people's. Kappa: error consistency "
        "with one person, the majority of all other people taken as right (Geirhos et al. 2020), mean over people. The "
        "ceiling is the mean of one person against the others.",
        "differences": "Differences of ρ with people between models, from the same resampled scenes; p two-sided, no "
        "less than a sign test over so many scenes can give, and adjusted for all pairs of models (Holm).",
        "separability": "Agreement with the people's majority by the distance of people's scale values: slope of the "
        f"logistic regression over pairs, with its {percent} interval from scenes; and Spearman's ρ over scenes "
        "between agreement and the SD, the range, or the mean distance of people's values. People: one person "
        "against the others.",
        "trade_off": "Spearman's ρ over models between VR% within and ρ with people; its p; and the smallest |ρ| that "
        "so many models could tell from none.",
        "vr_within": "VR% within, in three readings: pairs not unanimous, with interval; mean minority share; "
        "disagreement of two repetitions; number of pairs asked twice or more.",
        "vr_rest": "VR% between models: one against the majority of the others, with interval; and the mean over the "
        "others.",
        "vr_between": f"VR% between every two, with {percent} intervals over resampled scenes.",
        "spreads": "Spread: SD of the scale values of a scene less what their standard errors add to it, root mean "
        "square over scenes; its ratio to the people's. It is the observer's sensitivity, in units of its own noise.",
        "weights": f"Regression of {target} on the other attributes, over all scenes and renditions, standardised: β, "
        "|β| / Σ|β|, LMG shares of R², and R², with intervals over resampled scenes (only those of β can hold 0 within "
        "them); and the largest correlation among the other attributes.",
        "side_bias": "Share of choices of the left; share of repeats answered differently when nothing changed and "
        "when the sides were swapped; their difference, which repeat noise does not explain, with its interval; and "
        "McNemar's exact test of favouring one side.",
        "screening": "Screening of people: share of trials without a choice, share of repeats answered differently, "
        "share of catch trials as expected, score of the leave-one-out likelihood; "
        + ("who was left out and why." if options.screening else "nobody was left out."),
        "outcomes": "Main trials by outcome. What is no choice is counted here, and never made into one.",
        "scales": f"Scale values ({comparison.unit}), mean over scenes, with {percent} intervals over resampled "
        "scenes.",
        "sensitivity": "ρ with people, each open choice of the analysis varied alone; and the places that each "
        "model takes among the models. A dash: no finite scale under that choice.",
    }


def trade_off_caution(comparison: Comparison) -> str:
    """Say what the models' variability and agreement have to do with each other, and how little that says."""
    table = comparison.trade_off
    told = table.dropna(subset=["rho", "p_value"])
    counts = sorted(set(table["models"]))
    models = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "0"
    if not len(told):
        return f"With {models} model{'' if models == '1' else 's'} nothing can be said about how the two are related."
    found = ", ".join(f"ρ = {row.rho:.2f} (p = {row.p_value:.2f}) on {row.attribute}" for row in told.itertuples())
    least = told["min_rho"].max()
    limit = f"only |ρ| of {least:.2f} or more" if least < 1 else "only a perfect order"
    if told["min_rho"].isna().any():
        limit = "not even a perfect order"
    return (
        f"Over the models the two correlate with {found}. With {models} models {limit} could be told from no "
        f"relation at the {100 * (1 - comparison.options.level):.2g} % level, so this says little about models in "
        "general."
    )
