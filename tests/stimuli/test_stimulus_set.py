"""Stimulus sets: found, read and checked, with all that is wrong told at once."""

from __future__ import annotations

import csv
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavis.stimuli import StimulusError, StimulusSet, pixel_hash
from visavis.stimuli.kinds import IMAGE_EXTENSIONS
from visavis.stimuli.sources import natural_key


def save(path: Path, seed: int, size: tuple[int, int] = (6, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i, scene in enumerate(("coast", "market")):
        for j, rendition in enumerate(("c1", "c2", "c10")):
            save(tmp_path / "images" / scene / f"{rendition}.png", 10 * i + j)
    return tmp_path / "images"


def problems_of(folder: Path, **options: str) -> list[str]:
    with pytest.raises(StimulusError) as caught:
        StimulusSet.from_folder(folder, **options)
    return list(caught.value.problems)


def test_a_folder_is_scenes_and_renditions_in_natural_order(folder: Path) -> None:
    stimuli = StimulusSet.from_folder(folder)
    assert stimuli.scenes == ("coast", "market")
    assert stimuli.renditions == ("c1", "c2", "c10")
    assert list(stimuli) == [(scene, rendition) for scene in stimuli.scenes for rendition in stimuli.renditions]
    one = stimuli["market", "c10"]
    assert one.path == folder / "market" / "c10.png"
    assert one.size == (6, 4)
    assert one.pixels().shape == (4, 6, 3)
    assert pixel_hash(one.pixels()) == one.pixels_sha256
    assert one.encoded() == (one.path.read_bytes(), "image/png")


def test_a_set_says_what_it_is_and_what_it_lacks(folder: Path) -> None:
    stimuli = StimulusSet.from_folder(folder)
    assert repr(stimuli) == f"<StimulusSet: 2 scenes × 3 renditions in {folder}>"
    with pytest.raises(KeyError, match=r"no stimulus \('coast', 'c3'\): name scene and rendition, as in"):
        stimuli["coast", "c3"]
    with pytest.raises(KeyError, match="unknown statistic 'rms': choose from rms_contrast"):
        stimuli["coast", "c1"].statistic("rms")


def test_a_pattern_of_file_names(tmp_path: Path) -> None:
    for scene in ("a_b", "c"):
        for rendition in ("x", "y"):
            save(tmp_path / "flat" / f"{scene}_{rendition}.PNG", hash((scene, rendition)) % 1000)
    stimuli = StimulusSet.from_folder(tmp_path / "flat", "{scene}_{rendition}.{ext}")
    assert stimuli.scenes == ("a_b", "c")
    assert stimuli.renditions == ("x", "y")


def test_a_manifest_names_the_files(folder: Path) -> None:
    whole = StimulusSet.from_folder(folder)
    manifest = folder / "stimuli.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", "rendition", "path", "sha256"])
        for stimulus in whole.values():
            writer.writerow([stimulus.scene, stimulus.rendition, stimulus.path.relative_to(folder), stimulus.sha256])
    assert StimulusSet.from_manifest(manifest).sha256 == whole.sha256


def test_the_hash_of_a_set_depends_on_pixels_alone(folder: Path, tmp_path: Path) -> None:
    whole = StimulusSet.from_folder(folder)
    for stimulus in whole.values():  # the same pixels in another format, at another place
        copy = tmp_path / "copy" / stimulus.scene / f"{stimulus.rendition}.bmp"
        copy.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(stimulus.pixels()).save(copy)
    assert StimulusSet.from_folder(tmp_path / "copy").sha256 == whole.sha256
    save(tmp_path / "copy" / "coast" / "c2.bmp", 999)
    assert StimulusSet.from_folder(tmp_path / "copy").sha256 != whole.sha256


def test_only_what_is_selected_is_read_and_checked(folder: Path) -> None:
    (folder / "market" / "c2.png").write_bytes(b"broken")
    stimuli = StimulusSet.from_folder(folder, renditions=["c10", "c1"])
    assert stimuli.renditions == ("c10", "c1")
    assert list(stimuli)[:2] == [("coast", "c10"), ("coast", "c1")]


def test_all_problems_are_told_together(folder: Path) -> None:
    (folder / "coast" / "c1.png").write_bytes(b"no image")
    (folder / "coast" / "c2.png").unlink()
    save(folder / "market" / "c2.png", 5, size=(5, 4))
    (folder / "market" / "c10.png").write_bytes((folder / "market" / "c1.png").read_bytes())
    save(folder / "stray.png", 7)
    problems = problems_of(folder)
    expected = (
        "stray.png: does not fit the pattern",
        f"{folder / 'coast' / 'c1.png'}: cannot be read as BMP",
        "scene 'coast' lacks rendition(s) c2: add them, or leave the scene out",
        "scene 'market' has unequal sizes (6×4: c1, c10; 5×4: c2)",
        "show the same pixels: remove all but one",
    )
    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem


def test_what_systems_and_cloud_folders_leave_is_passed_over_and_listed(folder: Path) -> None:
    left = {".DS_Store", "coast/Thumbs.db", ".cache/x.png", "coast/._c1.png", "@eaDir/coast/c1.png@SYNO.jpg"}
    left |= {"__MACOSX/coast/._c1.png", "coast/desktop.ini", "#recycle/coast/c9.png", "coast/~$notes.docx"}
    for name in {*left, "notes.txt", "coast/settings.XMP", "LICENSE", "coast/report.csv"}:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(b"x")
    stimuli = StimulusSet.from_folder(folder)
    assert len(stimuli) == 6
    assert {path.relative_to(folder).as_posix() for path in stimuli.passed_over} == left


def test_an_image_that_is_still_in_a_cloud_is_told(folder: Path) -> None:
    (folder / "coast" / "c2.png").rename(folder / "coast" / ".c2.png.icloud")
    assert f"{folder / 'coast' / 'c2.png'}: still in iCloud: let it be downloaded" in problems_of(folder)
    save(folder / "coast" / "c2.png", 1)
    assert len(StimulusSet.from_folder(folder)) == 6


# The endings that report readers and programs in wide use write: each is read, or told, whatever is inside.
ENDINGS = (
    *("jfif", "jpe", "jif", "jfi", "pjpeg", "pgm", "pbm", "pnm", "pam", "dib", "apng", "mpo", "avif"),
    *("avifs", "hif", "heic", "heics", "dng", "cr2", "nef", "arw", "raw", "tga", "jp2", "jpf", "jpx", "j2c"),
    *("jxl", "jxr", "wdp", "dds", "qoi", "fits", "dcm", "ico", "pcx", "pdf", "svg", "eps", "exr", "hdr"),
    *("webm", "mp4", "jpg_", "jpg~", "jpg.part", "png.download", "png.icloud", "npy", "mat", "webp", "bmp"),
    *("tif", "ppm", "gif", "unheard-of", "txt"),
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_rendition_vanishes_for_its_ending(folder: Path, ending: str) -> None:
    for scene in ("coast", "market"):
        (folder / scene / "c2.png").rename(folder / scene / f"c2.{ending}")
    if ending in IMAGE_EXTENSIONS:
        assert StimulusSet.from_folder(folder).renditions == ("c1", "c2", "c10")
    else:
        assert any(f"c2.{ending}" in problem and "not read" in problem for problem in problems_of(folder))


@pytest.mark.parametrize("ending", ["dcm", "svg", "mp4", "NEF"])
def test_endings_of_images_are_told_whatever_the_file_holds(folder: Path, ending: str) -> None:
    (folder / "coast" / f"extra.{ending}").write_bytes(b"x")
    (problem,) = problems_of(folder)
    assert f"{ending.lower()} files are not read: save it as PNG, or move it elsewhere" in problem


def test_images_in_formats_that_are_not_read_are_told(folder: Path) -> None:
    (folder / "coast" / "original.HEIC").write_bytes(b"x")
    assert problems_of(folder) == [
        f"{folder / 'coast' / 'original.HEIC'}: heic files are not read: save it as PNG, or move it elsewhere"
    ]


def test_links_are_followed_within_the_folder_alone(folder: Path, tmp_path: Path) -> None:
    save(tmp_path / "elsewhere" / "street" / "c1.png", 50)
    try:
        (folder / "street").symlink_to(tmp_path / "elsewhere" / "street", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    (folder / "coast" / "c2.png").unlink()
    (folder / "coast" / "c2.png").symlink_to(tmp_path / "elsewhere" / "street" / "c1.png")
    save(folder / ".kept" / "c10.png", 51)
    (folder / "coast" / "c10.png").unlink()
    (folder / "coast" / "c10.png").symlink_to(folder / ".kept" / "c10.png")
    told = f"links to a folder, or out of {folder}: put the images themselves here"
    problems = problems_of(folder)
    assert problems[:2] == [f"{folder / 'coast' / 'c2.png'}: {told}", f"{folder / 'street'}: {told}"]
    assert problems[2:] == ["scene 'coast' lacks rendition(s) c2: add them, or leave the scene out"]


@pytest.mark.parametrize("pattern", ["{scene}.png", "{scene}/{scene}.png", "{scene}/{rendtion}.png", "x.png"])
def test_a_pattern_that_cannot_tell_scene_and_rendition_is_refused(folder: Path, pattern: str) -> None:
    (problem,) = problems_of(folder, pattern=pattern)
    assert "must hold {scene} and {rendition} once each" in problem


def test_names_that_differ_in_case_alone_are_refused(folder: Path) -> None:
    for rendition in ("c1", "c2", "c10"):
        save(folder / "Coast" / f"{rendition}.png", hash(rendition) % 1000 + 50)
    if len(list(folder.iterdir())) == 3:  # elsewhere the file system makes them one folder
        assert "scene names Coast, coast differ in case alone: rename all but one" in problems_of(folder)


NFC, NFD = "G\u00e4rten", "Ga\u0308rten"


@pytest.mark.parametrize("on_disk", [NFC, NFD])
@pytest.mark.parametrize("written", [NFC, NFD])
def test_names_are_found_in_either_form_of_unicode(tmp_path: Path, on_disk: str, written: str) -> None:
    for i, rendition in enumerate("xy"):
        save(tmp_path / on_disk / on_disk / f"{rendition}.png", i)
    stimuli = StimulusSet.from_folder(tmp_path / written, scenes=[written])
    assert stimuli.scenes == (NFC,)
    assert stimuli[written, "x"] is stimuli[NFC, "x"]
    manifest = tmp_path / "list.csv"
    manifest.write_text(f"scene,rendition,path\n{written},x,{written}/{written}/x.png\n", encoding="utf-8")
    assert list(StimulusSet.from_manifest(manifest)) == [(NFC, "x")]


@pytest.mark.parametrize("asked", ["Coast", "ｃｏａｓｔ", "coa\u200bst", " coast", "cosat"])
def test_a_name_that_looks_like_one_there_is_answered_with_it(folder: Path, asked: str) -> None:
    with pytest.raises(StimulusError, match=r"unknown scene .*: did you mean 'coast'\? choose from coast, market"):
        StimulusSet.from_folder(folder, scenes=[asked])


def test_names_that_look_alike_are_refused(tmp_path: Path) -> None:
    for i, scene in enumerate(("coast", "coa\u200bst")):
        save(tmp_path / scene / "x.png", i)
    assert (
        "scene names 'coa\\u200bst', 'coast' differ in case, width or invisible characters alone: rename"
        in (problems_of(tmp_path)[0])
    )


def test_names_that_are_no_text_or_steer_the_terminal_are_refused_and_shown_as_escapes(tmp_path: Path) -> None:
    try:
        for i, scene in enumerate((b"caf\xe9", b"red\x1b[31m")):
            save(tmp_path / os.fsdecode(scene) / "x.png", i)
    except OSError:
        pytest.skip("this system has no such names")
    with pytest.raises(StimulusError) as caught:
        StimulusSet.from_folder(tmp_path)
    assert str(caught.value).count("or a control character: rename it") == 2
    str(caught.value).encode("utf-8")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("C:\\me\\coast\\c1.png", "leaves the manifest's folder"),
        ("..\\..\\c1.png", "leaves the manifest's folder"),
        ("coast/C1.PNG", "did you mean c1.png?"),
        ("coast/c1\0.png", "line 2 holds a zero byte"),
        ("coast/c1\x07.png", "holds a control character"),
    ],
)
def test_paths_of_other_systems_are_read_or_told(folder: Path, path: str, expected: str) -> None:
    manifest = folder / "list.csv"
    if not (folder / "coast" / "C1.PNG").exists():
        manifest.write_text(f"scene,rendition,path\na,b,{path}\n", encoding="utf-8")
        with pytest.raises(StimulusError) as caught:
            StimulusSet.from_manifest(manifest)
        assert expected in str(caught.value)
    manifest.write_text("scene,rendition,path\na,b,coast\\c1.png\n", encoding="utf-8")
    assert StimulusSet.from_manifest(manifest)["a", "b"].size == (6, 4)


def test_two_files_for_one_stimulus_are_refused(folder: Path) -> None:
    save(folder / "coast" / "c1.bmp", 77)
    assert any("are all rendition 'c1' of scene 'coast': keep one" in problem for problem in problems_of(folder))


def test_an_empty_or_missing_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert problems_of(tmp_path / "empty") == ["no images here: see the pattern or manifest in the definition"]
    assert problems_of(tmp_path / "none") == ["there is no such folder: see 'stimuli' in the definition"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("scene,rendition\na,b\n", "lacks the column(s) path; it has scene, rendition"),
        ("", "the file is empty: expected a first line with the names of the columns"),
        ("Scene,rendition,pth\na,b,x.png\n", "it has Scene, rendition, pth: rename 'pth' to 'path'"),
        ("scene,rendition,path\na,b,x,y.png\n", "line 2 has 4 fields, the header in line 1 has 3"),
        ("scene,rendition,path\na,,x.png\n", "line 2: scene, rendition or path is empty"),
        ("scene,rendition,path\n\n\na,,x.png\n", "stimuli.csv: the images cannot be used:\n  line 4: scene, rendition"),
        ("scene,rendition,path\na,b,../out.png\n", "line 2: ../out.png leaves the manifest's folder"),
        ("scene,rendition,path\na,b,/etc/out.png\n", "line 2: /etc/out.png leaves the manifest's folder"),
        ("scene,rendition,path\na,b,gone.png\n", "gone.png: cannot be read (No such file or directory)"),
        ("scene,rendition,path,sha256\na,b,there.png,00ff\n", "not 00ff as the manifest says: restore the file"),
    ],
)
def test_bad_manifests_are_named_with_their_line(tmp_path: Path, content: str, expected: str) -> None:
    save(tmp_path / "there.png", 1)
    manifest = tmp_path / "stimuli.csv"
    manifest.write_text(content, encoding="utf-8")
    with pytest.raises(StimulusError) as caught:
        StimulusSet.from_manifest(manifest)
    assert expected in str(caught.value)


def test_an_image_that_vanishes_or_changes_after_the_check_is_named(folder: Path) -> None:
    stimulus = StimulusSet.from_folder(folder)["coast", "c1"]
    save(stimulus.path, 4711)
    with pytest.raises(StimulusError, match=r"c1\.png.*\n.*changed since it was checked"):
        stimulus.pixels()
    stimulus.path.unlink()
    with pytest.raises(StimulusError, match=r"c1\.png.*\n.*cannot be read"):
        stimulus.encoded()


def test_a_file_that_leaves_room_for_another_reading_is_sent_as_png(tmp_path: Path) -> None:
    for name, seed in (("x", 1), ("y", 2)):
        rgb = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        (tmp_path / "s").mkdir(exist_ok=True)
        Image.fromarray(np.dstack([rgb, np.full((4, 6), 255, np.uint8)])).save(tmp_path / "s" / f"{name}.png")
    stimulus = StimulusSet.from_folder(tmp_path)["s", "x"]
    data, media_type = stimulus.encoded()
    assert media_type == "image/png"
    assert data != stimulus.path.read_bytes()
    (tmp_path / "sent.png").write_bytes(data)
    assert np.array_equal(np.array(Image.open(tmp_path / "sent.png")), stimulus.pixels())


def test_long_lists_of_problems_are_cut_in_the_message_alone() -> None:
    error = StimulusError("images", [f"problem {i}" for i in range(50)])
    assert len(error.problems) == 50
    assert str(error).endswith("… and 30 more")


def test_numbers_sort_by_their_value() -> None:
    assert sorted(["c10", "c2", "C1", "b", "10", "9"], key=natural_key) == ["9", "10", "b", "C1", "c2", "c10"]


def test_a_stimulus_cannot_be_changed(folder: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        StimulusSet.from_folder(folder)["coast", "c1"].scene = "other"  # type: ignore[misc]


def test_statistics_of_a_set_are_a_table(folder: Path) -> None:
    table = StimulusSet.from_folder(folder).statistics()
    assert list(table.columns[:2]) == ["scene", "rendition"]
    assert len(table) == 6
    assert table.notna().all(axis=None)


@pytest.mark.parametrize(
    ("separator", "encoding", "before", "head"),
    [
        (";", "utf-8-sig", "", "scene;rendition;path"),
        ("\t", "utf-16", "", "scene\trendition\tpath"),
        (",", "utf-8", "sep=,\r\n", "scene,rendition,path"),
        (",", "utf-8", "", "Scene, RENDITION, Path "),
    ],
)
def test_a_manifest_is_read_as_spreadsheets_write_it(
    folder: Path, separator: str, encoding: str, before: str, head: str
) -> None:
    manifest = folder / "list.csv"
    manifest.write_bytes(f"{before}{head}\r\n{separator.join(('a', 'b', 'coast/c1.png'))}\r\n".encode(encoding))
    assert list(StimulusSet.from_manifest(manifest)) == [("a", "b")]
