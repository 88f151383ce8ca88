"""Which files could be images: by their ending and by their first bytes."""

from __future__ import annotations

from pathlib import Path

IMAGE_EXTENSIONS = (
    *("apng", "bmp", "dib", "gif", "jfi", "jfif", "jif", "jpe", "jpeg", "jpg", "mpo", "pbm", "pgm", "pjp", "pjpeg"),
    *("png", "pnm", "ppm", "tif", "tiff", "webp"),
)
"""Endings of the files that are read, without the dot."""

# Endings of images, raw photographs, drawings, films and arrays that are not read.
_OTHER_IMAGES = frozenset(
    (
        *("3fr", "ai", "arw", "avci", "avif", "avifs", "bpg", "cdr", "cr2", "cr3", "crw", "cur", "dcm", "dcr"),
        *("dds", "dng", "emf", "eps", "erf", "exr", "fff", "fit", "fits", "flif", "fpx", "hdr", "heic", "heics"),
        *("heif", "heifs", "hif", "icns", "ico", "iiq", "indd", "j2c", "j2k", "jls", "jng", "jp2", "jpf", "jpm"),
        *("jpx", "jxl", "jxr", "kdc", "mat", "mef", "mng", "mos", "mov", "mp4", "mrw", "nef", "npy", "npz"),
        *("nrw", "orf", "pam", "pcd", "pct", "pcx", "pdf", "pef", "pfm", "pict", "ps", "psb", "psd", "qoi"),
        *("raf", "ras", "raw", "rgb", "rgba", "rw2", "rwl", "sgi", "sr2", "srf", "srw", "svg", "svgz", "tga"),
        *("vst", "wdp", "webm", "wmf", "x3f", "xbm", "xcf", "xpm"),
    )
)

# What lies beside images and shows none, whatever it holds, unless its first bytes are those of an image.
_COMPANIONS = frozenset(
    (
        *("aae", "bat", "bib", "cff", "cfg", "cls", "conf", "css", "csv", "dat", "db", "doc", "docx", "dop"),
        *("gpl", "htm", "html", "icc", "icm", "ini", "ipynb", "js", "json", "jsonl", "jsonld", "license", "lock"),
        *("log", "m", "md", "md5", "ods", "odt", "on1", "pickle", "pkl", "pl", "pp3", "ps1", "py", "r", "rd"),
        *("rda", "rds", "readme", "rmd", "rst", "rtf", "sh", "sha1", "sha256", "sha512", "sqlite", "tex", "toml"),
        *("tsv", "txt", "url", "xls", "xlsx", "xml", "xmp", "yaml", "yml", "zip"),
    )
)

_LITTER_FILES = {".ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", ".directory"}
_LITTER_FOLDERS = {
    *("@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", ".@__thumb", "__macosx"),
    *("$recycle.bin", "system volume information", "lost+found", "network trash folder", "temporary items"),
}

_BY_FIRST_BYTES = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"II\xbc\x01", "JPEG XR"),
    (b"SIMPLE  =", "FITS"),
    (b"%PDF", "PDF"),
    (b"\x93NUMPY", "a NumPy array"),
)
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"msf1": "HEIF"}
_READ = {"PNG", "JPEG", "GIF", "TIFF", "BMP", "WebP", "PPM"}


def format_of(head: bytes) -> str:
    """Return the name of the image format that a file's first bytes show; empty where they show none."""
    for signature, name in _BY_FIRST_BYTES:
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a film or an image in an ISO container")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "BMP"
    if len(head) > 2 and head[:1] == b"P" and head[1:2] in b"1234567fF" and head[2:3] in b" \t\r\n":
        return "PPM"
    return ""


def what_it_is(data: bytes) -> str:
    """Say what a file is that is not read, and the remedy; empty where its first bytes do not show it."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS and not the image: run 'git lfs pull'"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page and not an image: download the image again"
    if start.startswith((b"<svg", b"<?xml")):
        return "SVG or XML, which has no pixels of its own: draw it at the size to be shown and save it as 8-bit PNG"
    name = format_of(data[:32])
    return (
        f"{name}, which is not read: convert it to sRGB and save it as 8-bit PNG" if name and name not in _READ else ""
    )


def is_litter(inside: Path) -> bool:
    """Whether a path below the folder of images is one that an operating system, a NAS or a cloud folder leaves.

    Hidden files and folders count too, by the first character of their name.
    """
    name = inside.name.lower()
    if name in _LITTER_FILES or name.startswith(("~$", ".~lock.")):
        return True
    return any(part.startswith(".") or part.lower() in _LITTER_FOLDERS for part in inside.parts)


def could_be_image(path: Path) -> bool:
    """Whether a file could show an image: everything but texts, tables and the like, and they too if they begin as one.

    A file that cannot be read could be one.
    """
    endings = {ending.lower().strip("._~") for ending in path.suffixes[-2:]}
    if endings & {*IMAGE_EXTENSIONS, *_OTHER_IMAGES}:
        return True
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError:
        return True
    if format_of(head):
        return True
    return bool(head) and not endings & _COMPANIONS and not _is_text(head)


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
    return b"\0" not in head
