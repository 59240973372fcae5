"""Pages of the book: which there are, where their sources lie, whether all are rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml

__all__ = ["check_loads", "check_site", "page_source", "page_title", "toc_pages"]


_PAGE_SUFFIXES = (".md", ".ipynb")
_REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_REMOTE_CSS = re.compile(
    r"(?:@import\s+(?:url\()?|url\()\s*[\"']?(?:https?:)?//[^)\"'\s]+", re.IGNORECASE
)


def toc_pages(toc: str | Path = "_toc.yml") -> list[str]:
    """List the pages of a table of contents, in reading order.

    Parameters
    ----------
    toc : str or Path
        Jupyter Book's table of contents.

    Returns
    -------
    list of str
        Pages as the table names them: relative to its folder, without suffix. For a pattern
        (``glob``), the pages that are there.
    """
    pages: list[str] = []
    for key, name in _entries(yaml.safe_load(Path(toc).read_text(encoding="utf-8"))):
        pages += _matching(name, Path(toc).parent) if key == "glob" else [name]
    return pages


def _matching(pattern: str, folder: Path) -> list[str]:
    """List the pages of a pattern, sorted; none if no such file is there yet."""
    found = (path for suffix in _PAGE_SUFFIXES for path in folder.glob(pattern + suffix))
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in found)


def page_source(page: str, folder: str | Path = ".") -> str:
    """Find the source file of a page of the table of contents.

    Parameters
    ----------
    page : str
        A page as `toc_pages` gives it.
    folder : str or Path
        The folder of the table of contents.

    Returns
    -------
    str
        The page with the suffix of the file that exists.

    Raises
    ------
    ValueError
        There is no such file.
    """
    for suffix in _PAGE_SUFFIXES:
        if (Path(folder) / (page + suffix)).is_file():
            return page + suffix
    raise ValueError(f"the table of contents lists {page}, but there is no {page}.md or .ipynb")


def page_title(page: str, toc: str | Path = "_toc.yml") -> str:
    """Say how a page is called: by the table of contents if it names it, else by its heading.

    Parameters
    ----------
    page : str
        A page as `toc_pages` gives it.
    toc : str or Path
        Jupyter Book's table of contents; sources are beside it.
    """
    for node in _nodes(yaml.safe_load(Path(toc).read_text(encoding="utf-8"))):
        if node.get("file") == page and "title" in node:
            return str(node["title"])
    source = Path(toc).parent / page_source(page, Path(toc).parent)
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")
    heading = re.search(r"(?m)^# (.*)$", text)
    return heading[1] if heading else page


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """Walk a table of contents: every mapping in it, in order."""
    if isinstance(node, list):
        for member in node:
            yield from _nodes(member)
    elif isinstance(node, dict):
        yield node
        for key in ("parts", "chapters", "sections"):
            yield from _nodes(node.get(key, []))


def _entries(node: Any) -> Iterator[tuple[str, str]]:
    """Give each page of a table of contents: by what key it is named, and its name."""
    for one in _nodes(node):
        for key in ("root", "file", "glob"):
            if key in one:
                yield key, str(one[key])


class _Loads(HTMLParser):
    """Collects what a page loads by itself (links that a reader may follow are no loads)."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link":
            if (given.get("rel") or "").lower() not in {"canonical", "prev", "next", "search"}:
                self.addresses.append(given.get("href") or "")
        elif tag in {"script", "img", "iframe", "source", "video", "audio", "embed", "object"}:
            self.addresses += [given.get("src") or "", given.get("data") or ""]


def check_site(site: str | Path = "_build/html", toc: str | Path = "_toc.yml") -> int:
    """Check that every page of the table of contents was rendered and stands by itself.

    Parameters
    ----------
    site : str or Path
        Folder of the rendered pages.
    toc : str or Path
        Jupyter Book's table of contents.

    Returns
    -------
    int
        Number of pages.

    Raises
    ------
    ValueError
        A page is missing, one or a slide deck loads something from another server or a file that
        does not exist, or a style sheet loads something from another server.
    """
    site = Path(site)
    if not (site / "index.html").is_file():
        raise ValueError(f"{site}/index.html is missing: the book was not rendered")
    for key, name in _entries(yaml.safe_load(Path(toc).read_text(encoding="utf-8"))):
        if key == "glob" and not _matching(name, Path(toc).parent):
            raise ValueError(f"{toc} lists {name}, but there is no such page")
    pages = [site / f"{page}.html" for page in toc_pages(toc)]
    for page in pages:
        if not page.is_file():
            raise ValueError(f"{page} is missing although {toc} lists it")
    for page in [*pages, *sorted((site / "slides").glob("*.html"))]:
        check_loads(page)
    for sheet in sorted(site.rglob("*.css")):
        remote = _REMOTE_CSS.search(sheet.read_text(encoding="utf-8", errors="replace"))
        if remote:
            raise ValueError(f"{sheet} needs another server: {remote.group()}")
    return len(pages)


def check_loads(page: Path) -> None:
    """Check that a rendered page loads nothing that is elsewhere or missing.

    Raises
    ------
    ValueError
        Names page and address.
    """
    loads = _Loads()
    loads.feed(page.read_text(encoding="utf-8"))
    for address in filter(None, loads.addresses):
        if _REMOTE.match(address):
            raise ValueError(f"{page} needs another server: {address}")
        local = re.split(r"[?#]", address)[0]
        if local and not local.startswith("data:") and not (page.parent / local).exists():
            raise ValueError(f"{page} loads {address}, which does not exist")
