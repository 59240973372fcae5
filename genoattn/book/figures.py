"""Every figure of the study as a file for slides, with caption and licence; files in and out.

``genoattn book figures`` collects the figures of the executed pages when the book is built. One
whose numbers are committed (``book/results/``) is drawn anew as SVG; it counts as drawn anew only
if its caption and its alternative text, which are made from the same numbers, are those of the
page. Of others, a file beside the page holds the drawings that the chapter left when it was
executed (`keep_drawings`). A figure that has neither is taken from its page as PNG.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import html
import io
import json
import lzma
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import nbformat
from matplotlib.figure import Figure
from PIL import Image

from genoattn.book import landing
from genoattn.book.landing import Results
from genoattn.book.pages import page_source, page_title, toc_pages
from genoattn.book.redrawn import BESIDE, MAKERS, Maker
from genoattn.genome.files import writing
from genoattn.plots import style
from genoattn.plots.drawn import DRAWING, Drawn, unpacked

__all__ = [
    "RESULTS",
    "Shown",
    "collect",
    "keep_drawings",
    "licence",
    "on_page",
    "plain",
    "redraw",
    "write",
]


RESULTS = {"study": "ecoli", "tis": "tis", "species": "species"}
"""Folder of executed pages -> folder of their results."""

_CAPTION = re.compile(r'(?s)<div class="caption">\s*(.*?)\s*</div>')


@dataclass(frozen=True)
class Shown:
    """A figure as a page of the book shows it.

    Attributes
    ----------
    name : str
        Of its file, such as ``study-01-curation-venn``: page and function that draws it.
    page, heading : str
        The page as the table of contents names it, and the heading above the figure.
    caption, alt : str
        Caption (Markdown) and alternative text.
    png : bytes
        The picture on the page.
    drawing : str
        The same as SVG, if the chapter left it and it is needed.
    """

    name: str
    page: str
    heading: str
    caption: str
    alt: str
    png: bytes
    drawing: str = ""

    @property
    def results(self) -> str:
        """Folder of the page's results."""
        return f"book/results/{RESULTS[self.page.split('/')[1]]}"

    @property
    def digest(self) -> str:
        """Of the picture: a drawing is used for this very picture only."""
        return hashlib.sha256(self.png).hexdigest()[:16]


# -------------------------------------------------------------------------- what the pages show


def on_page(path: str | Path, page: str) -> list[Shown]:
    """Take the figures from an executed page.

    Parameters
    ----------
    path : str or Path
        Notebook with its outputs.
    page : str
        As the table of contents names it.

    Returns
    -------
    list of Shown
        In their order. Of several with one name, the second ends in ``-2``, and so on.
    """
    kept = _drawings_beside(path)
    drawings = json.loads(lzma.decompress(kept.read_bytes())) if kept.is_file() else {}
    found = (one for one, _ in _with_outputs(nbformat.read(path, as_version=4), page))
    return [replace(one, drawing=drawings.get(one.digest, "")) for one in found]


def _drawings_beside(page: str | Path) -> Path:
    """The file of a page's drawings: JSON, digest of the picture -> SVG."""
    return Path(page).with_suffix(".drawings.xz")


def _with_outputs(notebook: Any, page: str) -> Iterator[tuple[Shown, Any]]:
    """Give each figure of a page, and the output of the notebook that holds it."""
    names: Counter[str] = Counter()
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            titles = re.findall(r"(?m)^#+ (.*)$", cell.source)
            heading = titles[-1] if titles else heading
            continue
        outputs = [one for one in cell.get("outputs", []) if "data" in one]
        for place, output in enumerate(outputs):
            if "image/png" not in output.data:
                continue
            name = _name(page, cell.source)
            names[name] += 1
            after = outputs[place + 1].data.get("text/markdown", "") if outputs[place + 1 :] else ""
            caption = _CAPTION.search(after)
            shown = Shown(
                name if names[name] == 1 else f"{name}-{names[name]}",
                page,
                heading,
                caption[1] if caption else "",
                output.metadata.get("image/png", {}).get("alt", ""),
                base64.b64decode(output.data["image/png"]),
            )
            yield shown, output


def _name(page: str, code: str) -> str:
    """Name a figure after its page and the function that the cell's last line calls."""
    parts = page.split("/")[1:]
    match ast.parse(code).body[-1]:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=function))):
            parts.append(function)
    return "-".join(parts).replace("_", "-")


def collect(root: str | Path = ".") -> list[Shown]:
    """Take the figures from all committed pages of the study, in the order of the book."""
    root = Path(root)
    found = []
    for page in toc_pages(root / "_toc.yml"):
        if page.split("/")[1] in RESULTS:
            found += on_page(root / page_source(page, root), page)
    return found


def redraw(
    one: Shown,
    root: str | Path = ".",
    makers: Mapping[str, Maker] = MAKERS,
) -> Drawn | None:
    """Draw a figure anew from the committed results.

    Returns
    -------
    Drawn or None
        None if its numbers are not committed, or if caption and alternative text are not those
        of the page, so that another figure would be shown.
    """
    maker = makers.get(one.name.split("-", 1)[1])
    if maker is None:
        return None
    drawn = maker(Results(Path(root) / one.results))
    if not isinstance(drawn, Drawn) or (drawn.caption.strip(), drawn.alt) != (one.caption, one.alt):
        return None
    return drawn


def keep_drawings(notebook: Any, target: str | Path, makers: Mapping[str, Maker] = MAKERS) -> None:
    """Take the drawings out of an executed chapter; write those that are needed beside its page.

    Needed are those of figures of the study that cannot be drawn anew from the results.

    Parameters
    ----------
    notebook : notebook
        Changed: it keeps the pictures alone.
    target : str or Path
        Where it goes, such as ``book/study/01_curation.ipynb``.
    makers : mapping of str to Maker
        Of the figures that can be drawn anew.
    """
    target = Path(target)
    part = target.parent.name
    needed = {}
    for shown, output in _with_outputs(notebook, f"book/{part}/{target.stem}"):
        drawing = output.metadata.pop(DRAWING, None)
        if drawing is None or part not in RESULTS:
            continue
        anew = redraw(shown, target.parents[2], makers)
        if anew is None:
            needed[shown.digest] = unpacked(drawing).decode()
        else:
            plt.close(anew.figure)
    kept = _drawings_beside(target)
    if not needed:
        kept.unlink(missing_ok=True)
    else:
        with writing(kept) as partial:
            partial.write_bytes(lzma.compress(json.dumps(needed).encode(), preset=9))


# ------------------------------------------------------------------------------------- the folder


def licence(root: str | Path = ".") -> str:
    """The licence of the figures: the first line of the project's licence file."""
    return (Path(root) / "LICENSE").read_text(encoding="utf-8").splitlines()[0]


def plain(text: str) -> str:
    """A caption without Markdown: code marks, emphasis, links, roles."""
    text = re.sub(r"\{(?:cite|doc)[^}]*\}`([^`<]*?)(?:\s*<[^>]*>)?`", r"\1", text)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"(?<!\\)[*`]|\\(?=[_*`$<\[{])", "", text)
    return " ".join(re.sub(r"<[^>]*>", "", text).split())


def write(
    folder: str | Path = "_build/teaching/figures",
    listing: str | Path = "_build/figures.md",
    root: str | Path = ".",
) -> list[dict[str, Any]]:
    """Write all figures, and what the page of figures includes.

    Parameters
    ----------
    folder : str or Path
        Made anew. Besides the figures it holds ``figures.json``.
    listing : str or Path
        Markdown: a picture with its caption each.
    root : str or Path
        The project's folder.

    Returns
    -------
    list of dict
        An entry a figure, as ``figures.json`` has it.
    """
    style.use()
    folder, root = Path(folder), Path(root)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    terms = {"licence": licence(root), "credit": landing.citation(root / "CITATION.cff")}
    entries = [{**entry, **terms} for entry in _entries(folder, root, terms)]
    texts = {
        folder / "figures.json": json.dumps(entries, indent=1, ensure_ascii=False) + "\n",
        Path(listing): _listing(entries, root),
    }
    for path, text in texts.items():
        with writing(path) as partial:
            partial.write_text(text, encoding="utf-8")
    return entries


def _entries(folder: Path, root: Path, terms: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Write one figure after the other, and say what each is."""
    readme = (root / "README.md").read_text(encoding="utf-8")
    words = re.search(r"!\[([^\]]*)\]\([^)]*overview\.png\)", readme)
    said = words[1] if words else ""
    picture = (root / "book/images/overview.png").read_bytes()
    yield _picture(folder, Shown("overview", "book/intro", "", said, said, picture))
    results = "book/results/ecoli"
    for one in landing.headlines(Results(root / results)):
        text = f"{one.title}: {one.number}. {one.text}"
        shown = Shown(f"first-page-{one.name}", "book/intro", "", text, one.drawn.alt, b"")
        yield _drawing(folder, shown, one.drawn, results, terms)
    for found in collect(root):
        anew = redraw(found, root)
        if anew is not None:
            yield _drawing(folder, found, anew, found.results, terms)
        elif found.drawing:
            yield _drawing(folder, found, None, "", terms)
        else:
            yield _picture(folder, found)
        if found.name in BESIDE:
            name, maker = BESIDE[found.name]
            made = maker(Results(root / found.results))
            assert isinstance(made, Drawn)
            shown = replace(found, name=name, caption=made.caption, alt=made.alt)
            yield _drawing(folder, shown, made, found.results, terms)


def _drawing(
    folder: Path, one: Shown, anew: Drawn | None, results: str, terms: Mapping[str, str]
) -> dict[str, Any]:
    """Write a figure as SVG, with title and licence inside."""
    path = folder / f"{one.name}.svg"
    told = {
        "Title": one.name,
        "Description": plain(one.caption),
        "Creator": terms["credit"],
        "Rights": terms["licence"],
    }
    if anew is None:
        svg = _labelled(one.drawing, told)
        made = "drawn when its chapter was executed"
    else:
        svg = anew.svg(told).decode()
        made = f"drawn anew from {results}"
        plt.close(anew.figure)
    with writing(path) as partial:
        partial.write_text(svg, encoding="utf-8")
    return {"file": path.name, **_said(one), "made": made}


def _labelled(svg: str, told: Mapping[str, str]) -> str:
    """A drawing with what an empty figure of this title, licence and so on says of itself."""
    label = re.compile(r"(?s)(?:<title>.*?</title>\s*)?<metadata>.*?</metadata>")
    told_so = label.search(Drawn(Figure(), "", "").svg(told).decode())
    return label.sub(lambda _: told_so[0] if told_so else "", svg, count=1)


def _picture(folder: Path, one: Shown) -> dict[str, Any]:
    """Write a figure as the page has it."""
    path = folder / f"{one.name}.png"
    with Image.open(io.BytesIO(one.png)) as picture:
        width, height = picture.size
    with writing(path) as partial:
        partial.write_bytes(one.png)
    made = f"taken from the page, {width} × {height} pixels"
    return {"file": path.name, **_said(one), "made": made}


def _said(one: Shown) -> dict[str, str]:
    """What is told of a figure, however it was made."""
    return {
        "caption": plain(one.caption),
        "alt": one.alt,
        "page": f"{one.page}.html",
        "heading": one.heading,
    }


def _listing(entries: list[dict[str, Any]], root: Path) -> str:
    """Write the list of figures, each with a small picture, below the title of its page."""
    parts = []
    page = None
    for one in entries:
        if one["page"] != page:
            page = one["page"]
            name = page.removesuffix(".html")
            parts.append(
                f"## {page_title(name, root / '_toc.yml')}\n\n{{doc}}`To the page </{name}>`\n"
            )
        address = f"../../figures/{one['file']}"
        where = f", below <em>{html.escape(one['heading'])}</em>" if one["heading"] else ""
        parts.append(
            f'<div class="figure-file"><a href="{address}"><img src="{address}" loading="lazy" '
            f'alt="{html.escape(one["alt"])}"></a>\n<div><p><a href="{address}">'
            f"<code>{one['file']}</code></a>{where}; {one['made']}.</p>\n"
            f"<p>{html.escape(one['caption'], quote=False)}</p></div></div>\n"
        )
    return "\n".join(parts)
