# The run graph: source notebooks -> executed chapters -> pages. make is its front door.
#
#   snakemake --cores 2 book                                the demo, executed and rendered
#   snakemake --cores 2 chapters --config profile=ecoli     the study on the real tables
#   snakemake --cores 2 chapters --config profile=tis       another task, by the same chapters
#   snakemake --cores 2 chapters --config profile=mine      notebooks/profiles/mine.yaml
#   snakemake --cores 2 trainings --config profile=ecoli    all models of the study, trained anew
#
# A profile names the chapters that are run. One is run again when its source, its parameters, a file
# that they name, a chapter whose files it reads (genoattn/study/order.py), or a module of the package
# that it imports has changed. What chapters pass to each other lies in runs/<profile>/.

import json
import os
from pathlib import Path

import yaml

from genoattn.book import build
from genoattn.book.pages import page_source, toc_pages
from genoattn.study import order

PROFILE = config.get("profile", "demo")
PARAMETERS = build.profile(f"notebooks/profiles/{PROFILE}.yaml")
CHAPTERS = build.chapters("notebooks", PARAMETERS)
PLAN = Path(f"notebooks/trainings/{PROFILE}.yaml")
TRAININGS = yaml.safe_load(PLAN.read_text())["trainings"] if PLAN.exists() else {}
# A chapter that another one waits for begins first.
AWAITED = {one for chapter in CHAPTERS for one in order.nearest(chapter, CHAPTERS)}
TASK = "tis" if "gene_starts" in PARAMETERS else "tss"
# Where the book is published changes its pages: see genoattn/book/web.py.
PUBLISHED = [
    Path("book/publish.yml").read_text(),
    *(os.environ.get(f"GENOATTN_{one}", "") for one in ("REPOSITORY", "VERSION", "REF")),
]
SHOWN = {"demo": "book/demo", "ecoli": "book/study"}.get(PROFILE, f"book/{PROFILE}")


wildcard_constraints:
    chapter="[0-9]{2}_[a-z_]+",


def given(wildcards):
    """The profile's parameters of a chapter, as text that papermill reads as YAML."""
    return json.dumps(PARAMETERS.get(wildcards.chapter.split("_", 1)[1], {}), sort_keys=True)


def before(wildcards):
    """The executed copies of the chapters whose files in runs/ this one reads."""
    return expand(
        f"runs/{PROFILE}/executed/{{chapter}}.ipynb",
        chapter=order.nearest(wildcards.chapter, CHAPTERS),
    )


def modules(wildcards):
    """The package's files that a chapter imports, and the weights that they may load."""
    files = build.imported_modules(f"notebooks/{wildcards.chapter}.ipynb")
    shipped = [str(path) for path in Path("genoattn/weights").glob("*.*")]
    return files + (sorted(shipped) if "genoattn/model/weights.py" in files else [])


def cores(wildcards):
    """All of them, but one for the demo's chapters.

    Chapters that do not read each other run side by side, and the numbers do not depend on the
    machine's cores.
    """
    return 1 if PROFILE == "demo" else workflow.cores


def own_files(wildcards):
    """Files of the reader's own that the profile gives a chapter: when one changes, it runs again."""
    return build.own_files(PARAMETERS.get(wildcards.chapter.split("_", 1)[1], {}))


def pages(wildcards):
    """The pages of the book that are not executed by this build."""
    written = (f"{SHOWN}/", "book/api/", "book/course/")
    return [page_source(page) for page in toc_pages() if not page.startswith(written)]


rule chapters:
    input:
        # both, as an executed chapter that is missing would not be missed while its copy exists
        expand(f"runs/{PROFILE}/executed/{{chapter}}.ipynb", chapter=CHAPTERS),
        expand(SHOWN + "/{chapter}.ipynb", chapter=CHAPTERS),


rule execute:
    input:
        notebook="notebooks/{chapter}.ipynb",
        modules=modules,
        before=before,
        own=own_files,
    output:
        f"runs/{PROFILE}/executed/{{chapter}}.ipynb",
    params:
        given=given,
    threads: cores
    priority: 1  # before all else: what is computed takes longest
    wildcard_constraints:
        chapter="|".join(one for one in CHAPTERS if one not in AWAITED),
    message:
        f"Executing {{wildcards.chapter}} with the parameters of {PROFILE}"
    shell:
        # the run folder is this profile's: chapters that are run by hand leave it as it is
        f"GENOATTN_PROFILE={PROFILE} "
        "papermill {input.notebook} {output} --kernel python3 --no-progress-bar -y {params.given:q}"


use rule execute as execute_awaited with:
    priority: 2
    wildcard_constraints:
        chapter="|".join(sorted(AWAITED)) or "none",


rule show:
    input:
        f"runs/{PROFILE}/executed/{{chapter}}.ipynb",
        "genoattn/book/build.py",
    output:
        SHOWN + "/{chapter}.ipynb",
    message:
        "Copying {wildcards.chapter} into the book"
    shell:
        f"python -m genoattn book tidy {{input[0]}} {{output}} --task {TASK}"


def first_stage(wildcards):
    """The training whose weights this one starts from."""
    initial = TRAININGS[wildcards.model].get("initial")
    return [f"runs/{PROFILE}/training/{initial}.done"] if initial else []


if TRAININGS:

    rule trainings:
        input:
            expand(f"runs/{PROFILE}/training/{{model}}.done", model=TRAININGS),

    rule train:
        input:
            first_stage,
            f"runs/{PROFILE}/executed/{CHAPTERS[0]}.ipynb",
        output:
            # the weights themselves are written as they improve, and a run that was killed goes on
            touch(f"runs/{PROFILE}/training/{{model}}.done"),
        threads: workflow.cores
        params:
            plan=PLAN,
        message:
            "Training {wildcards.model}"
        shell:
            f"python -m genoattn train runs/{PROFILE} --plan {{params.plan}}"
            " --name {wildcards.model}"


if PROFILE == "demo":

    rule kernels:
        input:
            "genoattn/interventions/motif_discovery.py",
        output:
            touch("_build/kernels"),
        message:
            "Compiling what compares motifs, once on a machine"
        shell:
            "python -c 'from genoattn.interventions.motif_discovery import compile_kernels as run; run()'"

    rule browser:
        input:
            # what is shown is what the chapter on output reads
            expand(
                "runs/demo/executed/{chapter}.ipynb", chapter=order.nearest("04_output", CHAPTERS)
            ),
            sorted(str(path) for path in Path("book/static/browser").glob("ecoli/*")),
            "genoattn/book/browser.py",
            "genoattn/book/loci.py",
            "genoattn/plots/browser.py",
            "genoattn/tracks.py",
        output:
            directory("_build/browser"),
        params:
            # the published tables, where they are at hand, are shown as well
            data=os.environ.get("GENOATTN_DATA", ""),
            weights=PARAMETERS.get("output", {}).get("weights", "demo"),
        message:
            "Writing the files of the genome browser"
        shell:
            "python -m genoattn browser pages --weights {params.weights} --to {output}/browser"

    rule reference:
        input:
            sorted(str(path) for path in Path("genoattn").rglob("*.py")),
            "genoattn/book/formats.yaml",
            sorted(str(path) for path in Path("book/results").glob("bench_*.csv")),
        output:
            directory("_build/structure"),
            directory("book/api"),
        message:
            "Writing the API reference and the drawings of the package"
        shell:
            "python -m genoattn reference --parts {output[0]} --to {output[1]}"

    rule course:
        input:
            sorted(str(path) for path in Path("notebooks/course").glob("*.ipynb")),
            "genoattn/book/course.py",
        output:
            directory("book/course"),
        message:
            "Writing the exercises of the course"
        shell:
            "python -m genoattn book course --to {output}"

    rule landing:
        input:
            # on a way through the book, whose time is counted
            expand("book/demo/{chapter}.ipynb", chapter={"05_your_genome"} & {*CHAPTERS}),
            sorted(str(path) for path in Path("book/results").rglob("*.*")),
            sorted(str(path) for path in Path("genoattn/weights").glob("*.*")),
            "CITATION.cff",
            "genoattn/book/landing.py",
            "genoattn/plots/landing.py",
        output:
            directory("_build/landing"),
        params:
            published=PUBLISHED,
        message:
            "Writing the findings of the first page"
        shell:
            "python -m genoattn book landing"

    rule slides:
        input:
            [one for one in pages(None) if one.startswith(("book/study/", "book/tis/", "book/species/"))],
            sorted(str(path) for path in Path("book").glob("*/*.drawings.xz")),
            sorted(str(path) for path in Path("book/results").rglob("*.*")),
            sorted(str(path) for path in Path("notebooks/slides").glob("*.md")),
            sorted(str(path) for path in Path("genoattn/plots").glob("*.py")),
            sorted(str(path) for path in Path("genoattn/book/deck").glob("*.*")),
            "book/images/overview.png",
            "CITATION.cff",
            "genoattn/book/figures.py",
            "genoattn/book/redrawn.py",
            "genoattn/book/slides.py",
        output:
            directory("_build/teaching"),
            "_build/figures.md",
        message:
            "Writing the figures for slides, and the decks of the course"
        shell:
            "python -m genoattn book slides"

    rule book:
        input:
            rules.chapters.input,
            pages,
            rules.reference.output,
            rules.landing.output,
            rules.course.output,
            rules.slides.output,
            rules.kernels.output,
            sorted(str(path) for path in Path("book").glob("images/*")),
            "book/references.bib",
            "book/static/style.css",
            "book/static/browser/browser.css",
            "book/static/browser/browser.js",
            "_build/browser",
            "genoattn/book/build.py",
            "genoattn/book/pages.py",
            "genoattn/book/quizzes.yaml",
            "_config.yml",
            "_toc.yml",
        output:
            directory("_build/html"),
        params:
            published=PUBLISHED,
        message:
            "Rendering the pages"
        shell:
            # Sphinx warns only about what it reads anew, so a failed build must not leave its cache.
            "jupyter-book build . -n -W --keep-going --quiet"
            " && python -m genoattn book check"
            " || {{ rm -rf _build/.doctrees _build/html; exit 1; }}"
