"""Which settings go with a model: what it does not accept is refused before anything is asked."""

from __future__ import annotations

from visavis.experiments import ObserverError

from .api_options import ApiOptions
from .profile import Profile


def check_settings(name: str, model: str, options: ApiOptions, known: Profile) -> None:
    """Refuse settings that the model does not accept, or that exclude each other.

    Parameters
    ----------
    name : str
        The observer's, for messages.
    model : str
    options : ApiOptions
    known : Profile
        What the model accepts.

    Raises
    ------
    ObserverError
    """

    def refuse(what: str, remedy: str, setting: str = "") -> ObserverError:
        override = "; if it does by now, override this by --profile '{…}' (see 'visavis observers')"
        return ObserverError(f"{name} does not accept {what}: {remedy}{'' if setting in known.final else override}")

    if known.known:
        if options.temperature is not None and not known.temperature:
            raise refuse("a temperature", "leave the option out", "temperature")
        if options.seed is not None and not known.seed:
            raise refuse("a seed", "leave the option out", "seed")
        if options.soft and not known.logprobs:
            raise refuse("a request for log-probabilities", "leave 'soft' out", "logprobs")
        if options.effort is not None and options.effort not in known.efforts:
            raise refuse(
                f"the reasoning effort {options.effort!r}",
                f"choose from {', '.join(known.efforts)}" if known.efforts else "leave 'effort' out",
            )
        needed = known.sampling_effort
        if needed is not None and options.effort != needed and (options.temperature is not None or options.soft):
            what = "a temperature" if options.temperature is not None else "a request for log-probabilities"
            raise refuse(f"{what} unless its reasoning effort is {needed!r}", f"add --effort {needed}")
        if options.structured and not known.structured:
            raise refuse("a JSON schema", "leave 'structured' out")
    if options.prerender and known.rule is None:
        raise ObserverError(
            f"{name}: at which size {model} sees images is not documented, so none can be made for it: "
            "leave 'prerender' out"
        )
    if options.cache is not None and options.batch is not None:
        raise ObserverError(f"{name}: batches keep no cache of replies: leave 'cache' or 'batch' out")
    if options.structured and options.soft:
        raise ObserverError(f"{name}: a soft choice needs an answer of one word: leave 'structured' out")


def cautions(model: str, options: ApiOptions, known: Profile) -> list[str]:
    """Return what is to be said of the settings before the run."""
    said = [f"{model}: {known.note}"] if known.note else []
    given = [name for name in ("temperature", "seed", "effort", "soft") if getattr(options, name) not in (None, False)]
    if not known.known and given:
        said.append(
            f"whether {model} accepts {', '.join(given)} is unknown: sent as given; try 'visavis observers check'"
        )
    return said


def forces_json(options: ApiOptions, known: Profile) -> bool:
    """Return whether answers are forced to be JSON."""
    return known.structured and not options.soft if options.structured is None else options.structured
