"""What a page needs on the web: descriptions, addresses, launch buttons; an extension of Sphinx.

One setting decides, ``repository`` in ``book/publish.yml`` (or ``GENOATTN_REPOSITORY``): with it,
pages know their address on GitHub Pages, there is a site map, and chapters can be launched on
Binder and Colab. ``GENOATTN_VERSION`` names the folder of this build, such as ``stable``. Without a
repository the book is complete, and no page asks another server for anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from genoattn.genome.files import FileError, writing
from genoattn.study.settings import read_settings

__all__ = [
    "Published",
    "described",
    "mended",
    "name_pictures",
    "place",
    "published",
    "setup",
    "site_map",
    "trim_mathjax",
]

_SETTINGS = "book/publish.yml"
_REPOSITORY = re.compile(r"https://github\.com/([\w-]+)/([\w.-]+?)(?:\.git)?/?")
_CHAPTERS = re.compile(r"book/(?:study|demo|tis)/(\d\d_\w+)")
_VERSIONS = ("stable", "dev")
"""Folders of the published site, the one that its root leads to first."""

_FIRST = {"Colab": "; install the package there first (see Publishing your copy)"}
"""What is to be done before a launched chapter runs, by the service's name."""

_BOOK = "How attention reads promoters"
_PICTURE = re.compile(
    r'(?P<link><a [^>]*>\s*)?(?P<picture><img [^>]*?src="(?P<file>(?:\.\./)*_images/[^"]+)"[^>]*>)'
)
_SHORT = 160
"""Characters of a page's description; search engines show about as many."""


@dataclass(frozen=True)
class Published:
    """Where a copy of the book is published.

    Attributes
    ----------
    owner, name : str
        Of the repository on GitHub; empty where there is none.
    version : str
        Folder of this build: ``dev`` or ``stable``; empty for the root.
    ref : str
        Branch or tag from which chapters are launched.
    """

    owner: str = ""
    name: str = ""
    version: str = ""
    ref: str = "main"

    @property
    def repository(self) -> str:
        """Address of the repository."""
        return f"https://github.com/{self.owner}/{self.name}" if self.name else ""

    @property
    def base(self) -> str:
        """Address of this build's first page, with a slash at its end; empty if nowhere."""
        if not self.name:
            return ""
        home = f"https://{self.owner.lower()}.github.io/"
        if self.name.lower() != f"{self.owner.lower()}.github.io":
            home += f"{self.name}/"
        return home + (f"{self.version}/" if self.version else "")

    def launches(self, page: str) -> dict[str, str]:
        """Give the addresses that open a chapter's source notebook, by the service's name."""
        chapter = _CHAPTERS.fullmatch(page)
        if not (self.name and chapter):
            return {}
        notebook = f"notebooks/{chapter[1]}.ipynb"
        here = f"{self.owner}/{self.name}"
        lab = quote(f"lab/tree/{notebook}", safe="")
        return {
            "Binder": f"https://mybinder.org/v2/gh/{here}/{self.ref}?urlpath={lab}",
            "Colab": f"https://colab.research.google.com/github/{here}/blob/{self.ref}/{notebook}",
        }


def published(path: str | Path = _SETTINGS, given: Mapping[str, str] | None = None) -> Published:
    """Read where the book is published.

    Parameters
    ----------
    path : str or Path
        YAML file with the one key ``repository``.
    given : mapping of str to str, optional
        Variables, those of the process by default: ``GENOATTN_REPOSITORY`` goes before the
        file, ``GENOATTN_VERSION`` is the folder of this build, and ``GENOATTN_REF`` the tag.

    Raises
    ------
    ValueError
        The file has another key, the address is none of a repository on GitHub, or no such version.
    """
    variables = os.environ if given is None else given
    try:
        content = read_settings(path) or {}
    except FileError as error:
        raise ValueError(str(error)) from error
    if not isinstance(content, dict) or set(content) - {"repository"}:
        raise ValueError(f"{path}: has one key, repository: https://github.com/OWNER/NAME")
    version, ref = variables.get("GENOATTN_VERSION", ""), variables.get("GENOATTN_REF") or "main"
    if version not in ("", *_VERSIONS):
        raise ValueError(f"GENOATTN_VERSION: must be {' or '.join(_VERSIONS)}, not {version!r}")
    address = variables.get("GENOATTN_REPOSITORY") or content.get("repository") or ""
    if not address:
        return Published(version=version, ref=ref)
    found = _REPOSITORY.fullmatch(str(address))
    if found is None:
        raise ValueError(
            f"{path}: repository is {address!r}, but must be like https://github.com/OWNER/NAME"
        )
    return Published(found[1], found[2], version, ref)


# ----------------------------------------------------------------------------------- one page


def described(document: nodes.document) -> str:
    """Describe a page by its first sentences: the answer of the box *In short*, or its text.

    Parameters
    ----------
    document : nodes.document
        A page as Sphinx has read it.

    Returns
    -------
    str
        Plain text of at most 160 characters, cut at a word; empty for a page without text.
    """
    boxes = (one for one in document.findall(nodes.admonition) if "in-short" in one["classes"])
    inside: nodes.Element = next(boxes, document)
    texts = (" ".join(one.astext().split()) for one in inside.findall(nodes.paragraph))
    text = next((one for one in texts if len(one) > 40 and not one.endswith("?")), "")
    if len(text) <= _SHORT:
        return text
    return text[: _SHORT - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def name_pictures(document: nodes.document, notebook: Mapping[str, Any]) -> int:
    """Give each picture of an executed chapter its own alternative text.

    The builder takes such a text from the cell, of which several pictures may come; it calls a
    picture's file after the digest of what is in it.

    Parameters
    ----------
    document : nodes.document
        A page as Sphinx has read it; its pictures are changed.
    notebook : mapping
        What it was read from: outputs whose metadata hold ``{"image/png": {"alt": text}}``.

    Returns
    -------
    int
        Number of pictures that got a text.
    """
    texts: dict[str, str] = {}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            picture = output.get("data", {}).get("image/png")
            text = output.get("metadata", {}).get("image/png", {}).get("alt")
            if picture and text:
                data = base64.b64decode("".join(picture))
                texts[hashlib.sha256(data).hexdigest()] = text
    named = [one for one in document.findall(nodes.image) if Path(one["uri"]).stem in texts]
    for one in named:
        one["alt"] = texts[Path(one["uri"]).stem]
    return len(named)


def _tags(title: str, text: str, here: Published, page: str) -> str:
    """Write the tags that search engines and previews of links read."""
    facts = {
        "og:type": "article",
        "og:title": title,
        "og:site_name": _BOOK,
    }
    if text:
        facts["og:description"] = text
    if here.base:
        facts |= {
            "og:url": f"{here.base}{page}.html",
            "og:image": f"{here.base}_static/preview.png",
        }
    tags = [
        f'<meta property="{key}" content="{html.escape(value)}" />' for key, value in facts.items()
    ]
    if text:
        tags.append(f'<meta name="description" content="{html.escape(text)}" />')
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    if here.version == "dev":  # readers shall find what is released
        tags.append('<meta name="robots" content="noindex" />')
    return "\n".join(["", *tags, ""])


def _dress(
    app: Sphinx, page: str, template: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Give a page its tags and launch buttons, and take away scripts that nothing uses."""
    here = published(Path(app.srcdir) / _SETTINGS)
    context["script_files"] = [one for one in context["script_files"] if not _is_thebe(one)]
    if document is None:
        return
    title = re.sub(r"<[^>]*>", "", html.unescape(str(context.get("title", ""))))
    context["metatags"] = context.get("metatags", "") + _tags(
        title, described(document), here, page
    )
    buttons = [
        {
            "type": "link",
            "text": name,
            "url": url,
            "tooltip": f"Open this chapter on {name}{_FIRST.get(name, '')}",
            "icon": "fas fa-rocket",
        }
        for name, url in here.launches(page).items()
    ]
    if buttons and "header_buttons" in context:
        context["header_buttons"].append(
            {
                "type": "group",
                "buttons": buttons,
                "icon": "fas fa-rocket",
                "label": "launch-buttons",
                "tooltip": "Run this chapter elsewhere",
            }
        )


def _is_thebe(script: Any) -> bool:
    """Tell whether a script is part of Thebe, which runs cells on a server and is not used."""
    body = str(getattr(script, "attributes", {}).get("body", ""))
    return "thebe" in str(getattr(script, "filename", script) or "") or "THEBE_JS_URL" in body


# ----------------------------------------------------------------------------------- the site


def site_map(base: str, pages: Iterable[str]) -> str:
    """Write the site map of some pages, as search engines read it (sitemaps.org).

    Parameters
    ----------
    base : str
        Address of the first page, with a slash at its end.
    pages : iterable of str
        As the table of contents names them.
    """
    lines = [f"  <url><loc>{html.escape(base + page)}.html</loc></url>" for page in sorted(pages)]
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">',
            *lines,
            "</urlset>",
            "",
        ]
    )


def trim_mathjax(folder: Path) -> int:
    """Remove of MathJax what no page loads: all but one script and the fonts of its output.

    Returns
    -------
    int
        Number of files that stay.
    """
    stay = [folder / "tex-chtml.js", *(folder / "output/chtml/fonts").rglob("*.woff")]
    kept = {path for path in stay if path.is_file()}
    if not kept:
        return 0
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in kept:
            path.unlink()
    return len(kept)


def mended(page: str) -> str:
    """Mend in a rendered page what the theme and Sphinx write wrong for screen readers.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    str
        With names for buttons that show a picture only, and none beside the words of those that
        show words; long signatures as lines, not as lists of definitions without terms; the list
        of references without a role that its entries contradict; tables that scroll within reach
        of the keyboard; pictures that lead to themselves, where a phone shows them large.
    """
    page = page.replace("<summary><span", '<summary aria-label="Pages of this part"><span')
    page = re.sub(r"(<button[^>]*search-button-field[^>]*?) aria-label=\"[^\"]*\"", r"\1", page)
    page = page.replace(' aria-label="Toggle hidden content"', "")
    page = re.sub(r"(<i class=\"theme-switch [^>]*?) title=\"[^\"]*\"", r"\1", page)
    page = re.sub(r'(?s)<dt class="sig .*?</dt>', _lines, page)
    page = page.replace('<div role="list" class="citation-list">', '<div class="citation-list">')
    page = _PICTURE.sub(_linked, page)
    box = 'class="pst-scrollable-table-container"'
    return page.replace(f"<div {box}>", f'<div {box} tabindex="0">')


def _linked(picture: re.Match[str]) -> str:
    """Link a picture of the text with its own file, unless it is a link already."""
    if picture["link"]:
        return picture[0]
    return f'<a class="large" href="{picture["file"]}">{picture["picture"]}</a>'


def _lines(signature: re.Match[str]) -> str:
    """Write the parameters of a signature as lines."""
    text = signature[0]
    for tag, name in (("dl", "sig-lines"), ("dd", "sig-line")):
        text = text.replace(f"<{tag}>", f'<span class="{name}">').replace(f"</{tag}>", "</span>")
    return text


def place(site: str | Path, folder: str | Path, version: str) -> None:
    """Put a built site into the folder of all versions, and lead the root to the released one.

    Parameters
    ----------
    site : str or Path
        The rendered book.
    folder : str or Path
        What is published: a folder for each version. That of `version` is replaced.
    version : str
        ``dev`` or ``stable``.

    Raises
    ------
    ValueError
        No such version, or no rendered book.
    """
    site, folder = Path(site), Path(folder)
    if version not in _VERSIONS:
        raise ValueError(f"a version is {' or '.join(_VERSIONS)}, not {version!r}")
    if not (site / "index.html").is_file():
        raise ValueError(f"{site}/index.html is missing: the book was not rendered")
    shutil.rmtree(folder / version, ignore_errors=True)
    shutil.copytree(site, folder / version)
    first = next(one for one in _VERSIONS if (folder / one).is_dir())
    texts = {"index.html": _LEADS.format(first=first), ".nojekyll": ""}
    for name in ("robots.txt", "404.html"):
        if (folder / first / name).is_file():
            texts[name] = (folder / first / name).read_text(encoding="utf-8")
    for name, text in texts.items():
        with writing(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


_LEADS = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8" />
<title>How attention reads promoters</title>
<meta http-equiv="refresh" content="0; url={first}/" />
<p><a href="{first}/">How attention reads promoters</a></p>
</html>
"""

_LOST = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>No such page: How attention reads promoters</title>
<style>
body {{ font-family: sans-serif; line-height: 1.6; margin: 4rem auto; max-width: 34rem; }}
body {{ padding: 0 1rem; }}
@media (prefers-color-scheme: dark) {{
  body {{ background: #14181e; color: #ced6dd; }}
  a {{ color: #8ab4f8; }}
}}
</style>
</head>
<body>
<main>
<h1>There is no such page</h1>
<p>It may have been renamed, or the address has a slip.</p>
<p><a href="{home}">The first page of the book</a> lists what was found and where to begin.</p>
</main>
</body>
</html>
"""


def _finish(app: Sphinx, error: Exception | None) -> None:
    """Write what a server and search engines ask for, when all pages are there."""
    if error is not None or app.builder.name != "html":
        return
    site, here = Path(app.outdir), published(Path(app.srcdir) / _SETTINGS)
    trim_mathjax(site / "_static/mathjax")
    for path in (site / f"{page}.html" for page in (*app.env.found_docs, "search", "genindex")):
        if path.is_file():
            path.write_text(mended(path.read_text(encoding="utf-8")), encoding="utf-8")
    texts = {
        # only the root of a server has such a file, so it stands for all versions
        "robots.txt": "User-agent: *\nAllow: /\n"
        + (f"Sitemap: {here.base}sitemap.xml\n" if here.base else ""),
        "404.html": _LOST.format(home=here.base or "/"),
        ".nojekyll": "",
    }
    if here.base:
        texts["sitemap.xml"] = site_map(here.base, app.env.found_docs)
    for name, text in texts.items():
        with writing(site / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    preview = Path(app.srcdir) / "book/images/overview.png"
    if preview.is_file():
        shutil.copyfile(preview, site / "_static/preview.png")


def _name_pictures(app: Sphinx, document: nodes.document) -> None:
    """Do so on a page that was read from a notebook."""
    source = Path(app.env.doc2path(app.env.docname))
    if source.suffix == ".ipynb":
        name_pictures(document, json.loads(source.read_text(encoding="utf-8")))


def _configure(app: Sphinx, config: Config) -> None:
    """Tell the theme where the book is published."""
    here = published(Path(app.srcdir) / _SETTINGS)
    if here.name:
        config.html_baseurl = here.base
        config.html_theme_options |= {
            "repository_url": here.repository,
            "use_repository_button": True,
        }


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx, which calls this because ``_config.yml`` names the module."""
    app.connect("config-inited", _configure)
    app.connect("doctree-read", _name_pictures)
    app.connect("html-page-context", _dress, priority=900)  # after the theme's buttons
    app.connect("build-finished", _finish, priority=900)  # after MathJax was copied
    return {"parallel_read_safe": True, "parallel_write_safe": True}
