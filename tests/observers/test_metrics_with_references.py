"""Real metrics: with a reference and without, by name and by function, on a ladder whose order is known."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from extras import require_extra
from PIL import Image

from visavis.experiments import Experiment, ObserverError, load_trials, run
from visavis.observers import MetricObserver, create_observer
from visavis.observers.metrics import METRICS, find_metric
from visavis.observers.metrics.catalogue import as_metric
from visavis.stimuli import Pixels, decode, encode_png, sample_photographs

QUALITIES = (5, 20, 35, 50, 65, 80, 95)
COARSE = slice(0, None, 2)
"""SSIM takes quality 70 for worse than 60 and 50 in `spacesuit`, which is nearly black: held to wide steps only."""
WITH_REFERENCE = [name for name, metric in METRICS.items() if metric.takes_reference]
WITHOUT_REFERENCE = ["brisque", "piqe"]


def need(name: str) -> None:
    if METRICS[name].module:
        require_extra("metrics", METRICS[name].module)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return decode(buffer.getvalue()).pixels


@pytest.fixture(scope="module")
def ladders() -> dict[str, list[Pixels]]:
    return {
        scene: [*(compressed(pixels, quality) for quality in QUALITIES), np.ascontiguousarray(pixels)]
        for scene, pixels in sample_photographs().items()
    }


@pytest.mark.parametrize("name", WITH_REFERENCE)
def test_a_metric_with_a_reference_orders_every_step_of_jpeg_quality_in_every_scene(
    name: str, ladders: dict[str, list[Pixels]]
) -> None:
    need(name)
    metric = METRICS[name]
    sign = -1 if metric.lower_is_better else 1
    for scene, steps in ladders.items():
        asked = [*steps[:-1][COARSE], steps[-1]] if name == "ssim" else steps
        values = [sign * metric.function(step, steps[-1]) for step in asked]
        assert all(worse < better for worse, better in pairwise(values)), (scene, values)


@pytest.mark.parametrize("name", WITHOUT_REFERENCE)
def test_a_metric_without_a_reference_finds_strong_compression_worse(
    name: str, ladders: dict[str, list[Pixels]]
) -> None:
    need(name)
    metric = METRICS[name]
    assert metric.lower_is_better
    found = [metric.function(steps[0]) > metric.function(steps[-1]) for steps in ladders.values()]
    assert np.mean(found) >= 0.9


@pytest.mark.parametrize(("name", "value"), [("ssim", 1), ("psnr", np.inf), ("ssimulacra2", 100), ("flip", 0)])
def test_the_reference_itself_has_the_best_value(name: str, value: float) -> None:
    need(name)
    pixels = sample_photographs()["cat"]
    assert METRICS[name].function(pixels, pixels.copy()) == pytest.approx(value)


def test_psnr_by_hand() -> None:
    reference, pixels = np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0, 0] = 255
    assert METRICS["psnr"].function(pixels, reference) == pytest.approx(10 * np.log10(12))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    for scene in ("cat", "coffee"):
        pixels = sample_photographs()[scene][:64, :96]
        (tmp_path / "images" / scene).mkdir(parents=True)
        for name, shown in (("original", pixels), ("q10", compressed(pixels, 10)), ("q60", compressed(pixels, 60))):
            (tmp_path / "images" / scene / f"{name}.png").write_bytes(encode_png(shown))
    (tmp_path / "study.yaml").write_text(
        "visavis: 1\nname: ladder\nseed: 1\nstimuli: {folder: images}\n"
        "attributes: {quality: {question: Which image has the higher quality?}}\n"
    )
    return tmp_path


def test_a_metric_with_a_reference_answers_a_study_and_records_what_it_was_given(study: Path) -> None:
    text = (study / "study.yaml").read_text()
    (study / "study.yaml").write_text(text + "reference: original\n")
    experiment = Experiment.load(study / "study.yaml")
    result = run(experiment, create_observer("metric:ssim"), study / "results")
    trials = load_trials(study / "results")
    assert set(trials["chosen"]) == {"q60"}
    observer = create_observer("metric:ssim")
    assert observer.describe()["metrics"]["all attributes"]["package"].startswith("scikit-image ")
    assert observer.describe()["given"] == "sRGB, 8 bits a channel, at the file's own size"
    observer.prepare(experiment)
    (response, _) = observer.respond(list(experiment.plan("ssim")))
    assert response.provenance["size"] == [96, 64]
    assert response.provenance["reference"] == "original"
    assert result.complete


def test_the_reference_may_be_named_as_an_option_and_is_then_compared_too(study: Path) -> None:
    experiment = Experiment.load(study / "study.yaml")
    run(experiment, create_observer("metric:psnr", {"reference": "original"}), study / "results")
    trials = load_trials(study / "results")
    assert set(trials["outcome"]) == {"choice"}
    assert set(trials.loc[(trials["left"] == "original") | (trials["right"] == "original"), "chosen"]) == {"original"}


def test_a_reference_that_is_not_there_is_told_before_the_run(study: Path) -> None:
    experiment = Experiment.load(study / "study.yaml")
    with pytest.raises(ObserverError, match="ssim: compares with a reference and there is none: give 'reference' in"):
        create_observer("metric:ssim").prepare(experiment)
    with pytest.raises(ObserverError, match="unknown reference 'best': choose from original, q10, q60"):
        create_observer("metric:ssim", {"reference": "best"}).prepare(experiment)


def test_lower_is_better_where_the_metric_means_it_so(study: Path) -> None:
    need("flip")
    experiment = Experiment.load(study / "study.yaml")
    observer = create_observer("metric:flip", {"reference": "original"})
    observer.prepare(experiment)
    plan = list(experiment.plan("flip"))
    chosen = {trial.rendition(answer.choice) for trial, answer in zip(plan, observer.respond(plan), strict=True)}  # type: ignore[arg-type]
    assert chosen == {"original", "q60"}


def test_any_function_is_a_metric_by_its_module_and_name(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_metrics.py").write_text(
        "def brightness(pixels): return pixels.mean()\n"
        "def distance(pixels, reference, power=2): return -abs(pixels.astype(float) - reference).mean()\n"
        "def fails(pixels): raise OSError('no weights')\n"
        "def three(a, b, c): return 0\n"
        "number = 3\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    experiment = Experiment.load(study / "study.yaml")
    observer = create_observer("metric:own_metrics:distance", {"reference": "original"})
    assert observer.name == "own_metrics.distance"
    assert run(experiment, observer, study / "results").complete
    assert not find_metric("own_metrics:brightness").takes_reference
    failing = create_observer("metric:own_metrics:fails")
    failing.prepare(experiment)
    with pytest.raises(ObserverError, match=r"own_metrics:fails failed on .*\.png \(OSError: no weights\)"):
        list(failing.respond(list(experiment.plan("x"))))
    with pytest.raises(ObserverError, match="must take an image, or an image and its reference"):
        create_observer("metric:own_metrics:three")
    with pytest.raises(ObserverError, match="is not a function"):
        create_observer("metric:own_metrics:number")
    with pytest.raises(ObserverError, match="cannot be imported"):
        create_observer("metric:own_metrics:missing")
    with pytest.raises(ObserverError, match=r"cannot be imported .* install its package, or put its folder on"):
        create_observer("metric:not_there.at_all:function")
    with pytest.raises(ObserverError, match="unknown metric 'sim': choose from rms_contrast"):
        create_observer("metric:sim")


def test_a_metric_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ObserverError, match=r"metric 'flip' needs flip-evaluator: pip install 'visavis\[metrics\]'"):
        find_metric("flip")


def one(pixels: Pixels, scale: float = 2) -> float:
    return float(pixels.mean() * scale)


def two(pixels: Pixels, reference: Pixels) -> float:
    return float((pixels - reference).mean())


def test_how_many_images_a_function_takes_is_seen_from_its_parameters() -> None:
    assert as_metric(two).takes_reference
    assert not as_metric(one).takes_reference
    assert not as_metric(np.mean).takes_reference
    assert not MetricObserver("m", max).describe()["metrics"]["all attributes"]["takes_reference"]
