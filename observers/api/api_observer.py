"""Vision-language models behind an API, as observers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Self

from visavis.experiments import Capabilities, Experiment, ObserverError, Response, Trial
from visavis.experiments.seam import UNSETTLED
from visavis.observers.configurable import ConfigurableObserver, ObserverOptions
from visavis.observers.question_writer import QuestionWriter
from visavis.observers.resuming import begun_with, changed_settings, session_events
from visavis.observers.vision import SeenImage

from .api_options import ApiOptions
from .batch_run import ask_in_batches
from .cache import ReplyCache
from .circuit_breaker import CircuitBreaker
from .client import Client, Settings
from .connection import connect, read_key
from .image_check import ImageCheck
from .ledger import BudgetReached, Ledger, SharedBudget
from .pacing import Concurrency, RateLimit, RetryPolicy
from .prices import Price, find_price
from .profile import Profile, Provider, profile, provider
from .reply_watch import ReplyWatch
from .reservations import Reservations
from .response_maker import ResponseMaker
from .setting_check import cautions, check_settings, forces_json
from .token_estimate import (
    WRITTEN_ALONE,
    WRITTEN_WITH_REASONS,
    expected_thinking,
    of_question,
    of_trial,
)
from .trial_asker import TrialAsker
from .workers import in_parallel, then


class ApiObserver(ConfigurableObserver):
    """A vision-language model that is asked through a provider's SDK.

    Parameters
    ----------
    model : str
        The provider's id of the model.
    options : ApiOptions
    name : str, optional
        Name in the ``observer`` column; by default the model's id.

    Raises
    ------
    ObserverError
        If the model does not accept a setting.
    """

    kind = "vlm"
    Options: ClassVar[type[ObserverOptions]] = ApiOptions
    provider_name: ClassVar[str]
    client_class: ClassVar[type[Client]]
    refuses_oversized: ClassVar[bool] = False
    shared_budget: SharedBudget | None = None
    """Of a panel; set before `prepare`."""

    def __init__(self, model: str, options: ApiOptions, name: str | None = None) -> None:
        self.name = name or model
        self.model = model
        self.options = options
        self.profile: Profile = profile(self.provider_name, model, options.profile).at(options.detail, self.name)
        self.provider: Provider = provider(self.provider_name)
        self.capabilities = Capabilities(soft_choice=options.soft)
        check_settings(self.name, model, options, self.profile)
        price = find_price(model, self.provider.prices, options.prices)
        self.price: Price | None = price.halved() if price and options.batch == "provider" else price
        if options.budget is not None and self.price is None:
            raise ObserverError(
                f"{self.name}: a budget needs prices, and no price of this model is known: give them by "
                """--prices '{"input": …, "output": …}' in US dollars a million tokens"""
            )
        self._asker: TrialAsker | None = None
        self._watch = ReplyWatch(self.name, soft=options.soft, lenient=options.reading == "lenient")

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is the model's id."""
        if subject is None:
            raise ObserverError(f"{cls.provider_name} needs a model: --observer {cls.provider_name}:MODEL")
        return cls(subject, options, name)

    def sees(self, width: int, height: int) -> SeenImage | None:
        """Return what the model sees of an image of this size; None where the provider does not document it."""
        return self.profile.sees(width, height)

    def estimate(self, experiment: Experiment, trials: Sequence[Trial]) -> list[str]:
        """Estimate tokens and money; no key is needed."""
        writer = self._writer(experiment)
        counted = [of_trial(self.profile, experiment, writer, trial) for trial in trials]
        if not counted:
            return []
        known = all(one.known for one in counted)
        read = sum(one.tokens for one in counted)
        written = len(trials) * self._expected_output(experiment)
        thinks = self.options.expected_output_tokens is None and expected_thinking(self.profile, self.options.effort)
        lines = [
            f"{read:,} tokens read{'' if known else ' (tokens of an image guessed: the rule is not documented)'}, "
            f"{written:,} written, if a reply takes {self._expected_output(experiment)}"
            f"{', thinking included (a rough guess: --expected-output-tokens)' if thinks else ''}"
        ]
        if self.price is None:
            return [*lines, f"no estimate of cost: no price is known for {self.model} (give it by --prices)"]
        cost = read * self.price.input + written * self.price.output
        return [*lines, f"about ${cost:.2f}, without re-asks, by {self.price.source}"]

    def prepare(self, experiment: Experiment) -> list[str]:
        """Check settings, images and key; load the SDK."""
        warnings = super().prepare(experiment)
        options = self.options
        if experiment.definition.models.reasoning and options.soft:
            raise ObserverError(
                f"{self.name}: a soft choice is read from the first word: set 'models.reasoning: false'"
            )
        warnings += cautions(self.model, options, self.profile)
        writer = self._writer(experiment)
        check = ImageCheck(self.name, self.model, options, self.profile, self.refuses_oversized)
        warnings += check.warnings(experiment, writer)
        earlier = session_events(self.folder)
        warnings += self._check_resumed(earlier)
        key = read_key(self.name, options, self.provider, warnings)
        reservations = Reservations(self.folder, earlier)
        spent, lost, most_read = _used(earlier)
        ledger = Ledger(
            self.price, options.budget, spent, lost + reservations.lost_usd, most_read, self.shared_budget, self.name
        )
        self._asker = TrialAsker(
            name=self.name,
            session=self.session,
            writer=writer,
            servers=connect(
                self.client_class, self._settings(), options, self.provider, key, structured=writer.structured
            ),
            retry=RetryPolicy(options.tries, options.first_wait_s, options.longest_wait_s),
            concurrency=Concurrency(options.concurrency),
            requests=RateLimit(options.requests_per_minute),
            tokens=RateLimit(options.tokens_per_minute),
            ledger=ledger,
            reservations=reservations,
            cache=ReplyCache(options.cache) if options.cache else None,
            breaker=CircuitBreaker(has_succeeded=_has_answers(earlier)),
            maker=ResponseMaker(ledger, options.soft, self._parameters(), options.reading, options.min_label_mass),
            reasks=options.reasks,
            seed=options.seed,
            input_tokens=lambda question: of_question(self.profile, question).tokens,
        )
        return warnings

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Ask several trials at once and yield each response as it comes."""
        asker = self._asker
        if asker is None:
            raise ObserverError(f"{self.name}: prepare comes before respond")
        self.stop_reason = ""
        if self.options.batch is not None:
            self.stop_reason = yield from ask_in_batches(asker, trials, self.folder, self.options.batch)
            return
        asked = {trial.id: trial for trial in trials}

        def look(response: Response) -> None:
            for text in self._watch.warnings(response, asker.writer.write(asked[response.trial])):
                self.warn(text)

        with contextlib.suppress(BudgetReached):
            yield from then(in_parallel(asker, trials, self.options.concurrency), look)
        if asker.ledger.reached:
            shared = self.shared_budget
            whose = "the panel's budget" if shared else "the budget"
            limit = shared.limit if shared else self.options.budget
            self.stop_reason = (
                f"Stopped at {_money(asker.ledger)}: the next request might pass {whose} of ${limit:.2f}, with up to "
                f"{asker.servers.settings.max_output_tokens} tokens of output. Raise it, or lower --max-output-tokens, "
                "to go on."
            )

    def progress(self) -> str:
        """Return the money spent, and how many are asked at once where the server has asked for fewer."""
        if self._asker is None:
            return ""
        pace = self._asker.concurrency
        slowed = f"slowed down by the server to {pace.limit} at once" if pace.slowed else ""
        return ", ".join(filter(None, (_money(self._asker.ledger) if self.price else "", slowed)))

    def describe(self) -> dict[str, Any]:
        """Return the settings, what is known of the model, and the words of every question."""
        record: dict[str, Any] = {
            **self._parameters(),
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "profile": self.profile.model_dump(mode="json"),
            "price": None if self.price is None else vars(self.price),
        }
        if self._asker is not None:
            writer = self._asker.writer
            record["questions"] = {name: writer.words(name) for name in writer.experiment.definition.attributes}
        return record

    def close(self) -> None:
        """Close the connections."""
        if self._asker is not None:
            self._asker.servers.close()
            self._asker.reservations.close()

    def _writer(self, experiment: Experiment) -> QuestionWriter:
        rule = self.profile.rule

        def resize(width: int, height: int) -> tuple[int, int]:
            seen = rule(width, height) if rule else None
            return (seen.width, seen.height) if seen else (width, height)

        return QuestionWriter(
            experiment,
            structured=forces_json(self.options, self.profile),
            resize=resize if self.options.prerender else None,
            media_types=self.profile.image_types,
        )

    def _settings(self) -> Settings:
        options = self.options
        return Settings(
            self.model,
            options.max_output_tokens,
            temperature=options.temperature,
            effort=options.effort,
            logprobs=options.soft,
            detail=options.detail,
            body=options.body,
            output_limit_field=options.output_limit_field,
            adaptive_thinking=self.profile.adaptive_thinking,
        )

    def _check_resumed(self, earlier: Sequence[Mapping[str, Any]]) -> list[str]:
        """Refuse to go on with a session of another model, and warn of other settings."""
        began = begun_with(earlier)
        if not began:
            return []
        now = self._parameters()
        for what in ("provider", "requested_model"):
            if began.get(what) != now[what]:
                raise ObserverError(
                    f"{self.name}: this session began with {what.replace('_', ' ')} {began.get(what)!r}, not "
                    f"{now[what]!r}: begin another session with another label, or give the observer another --name"
                )
        return changed_settings(began.get("parameters", {}), now["parameters"])

    def _parameters(self) -> dict[str, Any]:
        """Return the settings that a response's provenance records."""
        options = self.options
        sdk = self.client_class.sdk
        given = options.model_dump(
            include={"temperature", "seed", "effort", "detail", "max_output_tokens", "body", "reading"}
        )
        return {
            "requested_model": self.model,
            "provider": self.provider_name,
            "sdk": f"{sdk} {version(sdk)}",
            "parameters": {name: value for name, value in given.items() if value not in (None, {}, "strict")},
        }

    def _expected_output(self, experiment: Experiment) -> int:
        if self.options.expected_output_tokens is not None:
            return self.options.expected_output_tokens
        words = WRITTEN_WITH_REASONS if experiment.definition.models.reasoning else WRITTEN_ALONE
        return words + expected_thinking(self.profile, self.options.effort)


def _has_answers(events: Sequence[Mapping[str, Any]]) -> bool:
    return any(event.get("event") == "response" and event["outcome"] not in UNSETTLED for event in events)


def spent_before(folder: Path) -> float:
    """Return the most that the earlier runs of a session have cost."""
    events = session_events(folder)
    spent, lost, _ = _used(events)
    return spent + lost + Reservations(folder, events).lost_usd


def _used(events: Sequence[Mapping[str, Any]]) -> tuple[float, float, int | None]:
    """Return what a session has cost, what its lost replies may have cost, and the most that a trial has read."""
    known = [event.get("provenance") or {} for event in events]
    read = [record["tokens"]["input"] for record in known if record.get("tokens")]
    spent, lost = (sum(float(record.get(name) or 0) for record in known) for name in ("cost_usd", "lost_usd"))
    return spent, lost, max(read, default=None)


def _money(ledger: Ledger) -> str:
    lost = f" and at most ${ledger.lost:.2f} for replies that were lost or without usage" if ledger.lost else ""
    return f"${ledger.spent:.2f}{lost}"
