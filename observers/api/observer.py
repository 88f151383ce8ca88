"""Vision-language models behind an API, as observers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar, Self

from visavis.experiments import Capabilities, Experiment, MissingKey, ObserverError, Response, Trial
from visavis.observers.configurable import ConfigurableObserver, Options
from visavis.observers.question import Question, QuestionWriter, composite_size
from visavis.observers.resuming import begun_with, changed_settings, session_events
from visavis.observers.vision import Rule, Seen

from .anthropic_client import AnthropicClient
from .asking import Asker, Breaker
from .batch import ask_in_batches
from .cache import ReplyCache
from .client import Client, Settings
from .google_client import GoogleClient
from .ledger import BudgetReached, Ledger
from .openai_client import ChatClient, ResponsesClient
from .options import ApiOptions
from .pacing import Concurrency, RateLimit, RetryPolicy
from .prices import Price, find_price
from .profile import Profile, Provider, profile, provider
from .servers import Server, Servers
from .workers import in_parallel

UNKNOWN_IMAGE_TOKENS, UNKNOWN_PIXELS_PER_TOKEN = 2000, 256
"""Tokens held back for an image whose tokens are not documented, the larger of the two, so that a budget is kept all
the same; known models take one token for 784 pixels or more."""


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
        If the model does not take a setting.
    """

    kind = "vlm"
    Options: ClassVar[type[Options]] = ApiOptions
    provider_name: ClassVar[str]
    client_class: ClassVar[type[Client]]
    refuses_oversized: ClassVar[bool] = False

    def __init__(self, model: str, options: ApiOptions, name: str | None = None) -> None:
        self.name = name or model
        self.model = model
        self.options = options
        self.profile: Profile = profile(self.provider_name, model, options.profile).at(options.detail, self.name)
        self.provider: Provider = provider(self.provider_name)
        self.capabilities = Capabilities(soft_choice=options.soft)
        self._structured = self._check_settings()
        price = find_price(model, self.provider.prices, options.prices)
        self.price: Price | None = price.halved() if price and options.batch == "provider" else price
        if options.budget is not None and self.price is None:
            raise ObserverError(
                f"{self.name}: a budget needs prices, and none are known for this model: give them by "
                """--prices '{"input": …, "output": …}' in US dollars a million tokens"""
            )
        self._asker: Asker | None = None

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is the model's id."""
        if subject is None:
            raise ObserverError(f"{cls.provider_name} needs a model: --observer {cls.provider_name}:MODEL")
        return cls(subject, options, name)

    def sees(self, width: int, height: int) -> Seen | None:
        """Return what the model sees of an image of this size; None where the provider does not document it."""
        return self.profile.sees(width, height)

    def outlook(self, experiment: Experiment, trials: Sequence[Trial]) -> list[str]:
        """Estimate tokens and money; no key is needed."""
        writer = self._writer(experiment)
        counted = [self._tokens(experiment, writer, trial) for trial in trials]
        if not counted:
            return []
        known = all(known for _, known in counted)
        read = sum(tokens for tokens, _ in counted)
        written = len(trials) * self._expected_output(experiment)
        lines = [
            f"{read:,} tokens read{'' if known else ' (tokens of an image guessed: the rule is not documented)'}, "
            f"{written:,} written, if a reply takes {self._expected_output(experiment)}"
        ]
        if self.price is None:
            return [*lines, f"no estimate of cost: no price is known for {self.model} (give it by --prices)"]
        cost = read * self.price.input + written * self.price.output
        return [*lines, f"about ${cost:.2f}, without re-asks, by {self.price.source}"]

    def prepare(self, experiment: Experiment) -> list[str]:
        """Check settings, images and key; load the SDK."""
        warnings = super().prepare(experiment)
        writer = self._writer(experiment)
        warnings += self._check_images(experiment, writer)
        options = self.options
        earlier = session_events(self.folder)
        warnings += self._check_resumed(earlier)
        self._asker = Asker(
            name=self.name,
            session=self.session,
            writer=writer,
            servers=self._connect(self._key(warnings)),
            retry=RetryPolicy(options.tries, options.first_wait_s, options.longest_wait_s),
            concurrency=Concurrency(options.concurrency),
            requests=RateLimit(options.requests_per_minute),
            tokens=RateLimit(options.tokens_per_minute),
            ledger=Ledger(self.price, options.budget, *_used(earlier)),
            cache=ReplyCache(options.cache) if options.cache else None,
            breaker=Breaker(),
            reasks=options.reasks,
            soft=options.soft,
            seed=options.seed,
            input_tokens=lambda question: self._tokens_of(question)[0],
            parameters=self._parameters(),
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
        with contextlib.suppress(BudgetReached):
            yield from in_parallel(asker, trials, self.options.concurrency)
        if asker.ledger.reached:
            self.stop_reason = (
                f"Stopped at {_money(asker.ledger)}: the next request might pass the budget of "
                f"${self.options.budget:.2f}, with up to {asker.servers.settings.max_output_tokens} tokens of output. "
                "Raise it, or lower --max-output-tokens, to go on."
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

    def _check_settings(self) -> bool:
        """Refuse what the model does not take; return whether answers are forced to be JSON."""
        options, known = self.options, self.profile

        def refuse(what: str, remedy: str) -> ObserverError:
            return ObserverError(
                f"{self.name} takes no {what}: {remedy}; if it does take it, say so by --profile '{{…}}' "
                "(see 'visavis observers')"
            )

        if options.temperature is not None and not known.temperature:
            raise refuse("temperature", "leave the option out")
        if options.seed is not None and not known.seed:
            raise refuse("seed", "leave the option out")
        if options.soft and not known.logprobs:
            raise refuse("request for log-probabilities", "leave 'soft' out")
        if options.effort is not None and options.effort not in known.efforts:
            raise refuse(
                f"reasoning effort {options.effort!r}", f"it takes {', '.join(known.efforts) or 'none at all'}"
            )
        needed = known.sampling_effort
        if needed is not None and options.effort != needed and (options.temperature is not None or options.soft):
            what = "temperature" if options.temperature is not None else "log-probabilities"
            raise refuse(f"{what} unless its reasoning effort is {needed!r}", f"add --effort {needed}")
        if options.structured and not known.structured:
            raise refuse("JSON schema", "leave 'structured' out")
        if options.prerender and known.rule is None:
            raise ObserverError(
                f"{self.name}: at which size {self.model} sees images is not documented, so none can be made for it: "
                "leave 'prerender' out"
            )
        if options.cache is not None and options.batch is not None:
            raise ObserverError(f"{self.name}: batches keep no cache of replies: leave 'cache' or 'batch' out")
        if options.structured and options.soft:
            raise ObserverError(f"{self.name}: a soft choice needs an answer of one word: leave 'structured' out")
        return known.structured and not options.soft if options.structured is None else options.structured

    def _check_images(self, experiment: Experiment, writer: QuestionWriter) -> list[str]:
        """Say which images the model would not see as they are, and refuse where that was asked for."""
        if experiment.definition.models.reasoning and self.options.soft:
            raise ObserverError(
                f"{self.name}: a soft choice is read from the first word: set 'models.reasoning: false'"
            )
        sizes = sorted(
            {size for stimulus in experiment.stimuli.values() for size in self._sent(experiment, stimulus.size)}
        )
        if self.profile.rule is None:
            problem = f"how {self.model} resizes images is not documented: what it sees may differ from what people see"
            warnings = self._warn_or_refuse(problem, "leave 'strict' out")
        else:
            warnings = [line for size in sizes for line in self._check_size(*size, self.profile.rule)]
        return warnings + self._check_files(experiment, writer)

    def _check_size(self, width: int, height: int, rule: Rule) -> list[str]:
        seen = rule(width, height)
        if (seen.width, seen.height) == (width, height):
            return []
        change = f"{self.model} sees {width}×{height} images as {seen.width}×{seen.height}"
        if self.options.prerender:
            return [f"{change}: they are sent at that size, resampled by Lanczos"]
        if self.refuses_oversized:
            raise ObserverError(
                f"{change}, and the server refuses to shrink them: add --prerender true, or smaller images"
            )
        return self._warn_or_refuse(change, "add --prerender true to resample them on purpose")

    def _check_files(self, experiment: Experiment, writer: QuestionWriter) -> list[str]:
        """Say which files are sent in another format, and refuse those that are too large to be sent."""
        if experiment.definition.models.images == "composite":
            return []
        limit = self.profile.image_mib
        taken = self.profile.image_types
        for stimulus in experiment.stimuli.values():
            # Its pixels, or its file, and base64 makes four bytes of three: most images need no closer look.
            largest = max(3 * stimulus.width * stimulus.height, stimulus.path.stat().st_size) * 4 / 3
            if limit is not None and largest > limit * 2**20:
                size = len(writer.picture(stimulus).base64) / 2**20
                if size > limit:
                    raise ObserverError(
                        f"{self.name}: {stimulus.path} takes {size:.1f} MiB as it is sent, and the provider takes "
                        f"{limit:g} MiB: make it smaller, or save it in a denser format"
                    )
        others = sorted({one.media_type for one in experiment.stimuli.values() if one.media_type not in taken})
        if not others:
            return []
        return [f"{self.model} is not known to take {', '.join(others)}: sent as PNG of exactly the same pixels"]

    def _warn_or_refuse(self, problem: str, remedy: str) -> list[str]:
        if self.options.strict:
            raise ObserverError(f"{self.name}: {problem} ('strict' is set): {remedy}")
        return [f"{problem} ({remedy})" if self.profile.rule else problem]

    def _sent(self, experiment: Experiment, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Return the sizes of the pictures in which a stimulus of this size is sent."""
        if experiment.definition.models.images == "separate":
            return [size]
        return [composite_size(*size), *([size] if experiment.definition.reference else [])]

    def _writer(self, experiment: Experiment) -> QuestionWriter:
        rule = self.profile.rule

        def resize(width: int, height: int) -> tuple[int, int]:
            seen = rule(width, height) if rule else None
            return (seen.width, seen.height) if seen else (width, height)

        return QuestionWriter(
            experiment,
            structured=self._structured,
            resize=resize if self.options.prerender else None,
            media_types=self.profile.image_types,
        )

    def _connect(self, key: str) -> Servers:
        options = self.options
        urls = self._urls()
        settings = Settings(
            self.model,
            options.max_output_tokens,
            temperature=options.temperature,
            effort=options.effort,
            logprobs=options.soft,
            detail=options.detail,
            body=options.body,
        )
        servers = Servers([Server(url, self.client_class(settings, key, url, options.timeout_s)) for url in urls])
        # Fields of the user's own that do not fit are noticed here, not at the first request.
        servers.client.body(Question((), {}, reasoning=False, structured=self._structured), options.seed)
        return servers

    def _urls(self) -> tuple[str, ...]:
        """Return the servers' addresses: the user's, else that of the variable that the SDK knows, else the usual."""
        named = os.environ.get(self.provider.base_url_env or "", "")
        return self.options.base_url or ((named,) if named else (self.provider.base_url,))

    def _key(self, warnings: Sequence[str]) -> str:
        names = (self.options.key_env,) if self.options.key_env else self.provider.keys
        name, key = next(((name, os.environ[name].strip()) for name in names if os.environ.get(name)), ("", ""))
        if names and not key:
            where = f"the environment variable {' or '.join(names)}"
            raise MissingKey(f"{self.name}: no key: put it into {where}", warnings)
        if not all("!" <= letter <= "~" for letter in key):
            raise ObserverError(f"{self.name}: the key in {name} holds letters that no key has: set it anew")
        return key

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
        given = options.model_dump(include={"temperature", "seed", "effort", "detail", "max_output_tokens", "body"})
        return {
            "requested_model": self.model,
            "provider": self.provider_name,
            "sdk": f"{sdk} {version(sdk)}",
            "parameters": {name: value for name, value in given.items() if value not in (None, {})},
        }

    def _expected_output(self, experiment: Experiment) -> int:
        if self.options.expected_output_tokens is not None:
            return self.options.expected_output_tokens
        thinks = experiment.definition.models.reasoning or self.options.effort not in (None, "none")
        return 400 if thinks else 15

    def _tokens(self, experiment: Experiment, writer: QuestionWriter, trial: Trial) -> tuple[int, bool]:
        """Estimate a trial's tokens from its images' sizes, without reading them."""
        stimuli = experiment.stimuli
        sizes = [stimuli[trial.scene, trial.left].size, stimuli[trial.scene, trial.right].size]
        if experiment.definition.models.images == "composite":
            sizes = [composite_size(*sizes[0])]
        if trial.reference is not None:
            sizes.append(stimuli[trial.scene, trial.reference].size)
        return self._estimate(sizes, writer.words(trial.attribute))

    def _tokens_of(self, question: Question) -> tuple[int, bool]:
        sizes = [(picture.width, picture.height) for picture in question.pictures]
        return self._estimate(sizes, "".join(part for part in question.parts if isinstance(part, str)))

    def _estimate(self, sizes: Sequence[tuple[int, int]], words: str) -> tuple[int, bool]:
        """Return the tokens of images and words, and whether the images' are known."""
        total, known = 50 + len(words.encode()) // 3, True
        for size in sizes:
            seen = self.sees(*size)
            tokens = seen.tokens if seen else self.profile.image_tokens
            known &= tokens is not None
            guessed = max(UNKNOWN_IMAGE_TOKENS, size[0] * size[1] // UNKNOWN_PIXELS_PER_TOKEN)
            total += guessed if tokens is None else tokens
        return total, known


def _used(events: Sequence[Mapping[str, Any]]) -> tuple[float, float, int | None]:
    """Return what a session has cost, what its lost replies may have cost, and the most that a trial has read."""
    known = [event.get("provenance") or {} for event in events]
    read = [record["tokens"]["input"] for record in known if record.get("tokens")]
    spent, lost = (sum(float(record.get(name) or 0) for record in known) for name in ("cost_usd", "lost_usd"))
    return spent, lost, max(read, default=None)


def _money(ledger: Ledger) -> str:
    lost = f" and at most ${ledger.lost:.2f} for replies that were lost or untold" if ledger.lost else ""
    return f"${ledger.spent:.2f}{lost}"


class OpenAIObserver(ApiObserver):
    """A model of OpenAI's, by Responses: openai:gpt-5.2."""

    provider_name = "openai"
    client_class = ResponsesClient
    requires = ("openai", "tenacity")
    extra = "openai"


class AnthropicObserver(ApiObserver):
    """A model of Anthropic's, by Messages: anthropic:claude-opus-4-6."""

    provider_name = "anthropic"
    client_class = AnthropicClient
    refuses_oversized = True
    requires = ("anthropic", "tenacity")
    extra = "anthropic"


class GoogleObserver(ApiObserver):
    """A model of Google's, by generateContent: google:gemini-3.1-pro-preview."""

    provider_name = "google"
    client_class = GoogleClient
    requires = ("google.genai", "tenacity")
    extra = "google"


class XaiObserver(ApiObserver):
    """A model of xAI's, by Chat Completions: xai:grok-4.1."""

    provider_name = "xai"
    client_class = ChatClient
    requires = ("openai", "tenacity")
    extra = "openai"


class CompatibleObserver(ApiObserver):
    """A model on any server that speaks Chat Completions: vLLM, SGLang, Ollama, LM Studio; needs base_url."""

    provider_name = "openai-compatible"
    client_class = ChatClient
    requires = ("openai", "tenacity")
    extra = "openai"

    def __init__(self, model: str, options: ApiOptions, name: str | None = None) -> None:
        if not options.base_url:
            raise ObserverError("openai-compatible: say where the server is: --base-url http://localhost:8000/v1")
        super().__init__(model, options, name)
