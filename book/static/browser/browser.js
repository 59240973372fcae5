/* The page "Genome browser": igv.js on data that script tags bring, so that it needs no server.

   data.js of each genome calls genoattnBrowser.add; files of output and of sequence, which are
   loaded when they are looked at, call .shard and .sequence. All positions are 0-based. */
"use strict";

window.genoattnBrowser = (() => {
  const genomes = new Map();
  const waiting = new Map(); // key -> what to call when a script has come
  const PLUS = "rgb(0, 114, 178)", MINUS = "rgb(213, 94, 0)";
  // igv.js's own bar would be wider than a phone; the page has buttons for the zoom
  const NARROW = {
    showTrackLabelButton: false,
    showCenterGuideButton: false,
    showCursorTrackingGuideButton: false,
    showROITableButton: false,
    showMultiSelectButton: false,
    showSVGButton: false,
  };
  const views = new Map(); // genome -> its own browser, which is hidden while another is shown
  let shown = null, scale = "log";

  // ---------------------------------------------------------------- data that scripts bring

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

  function deliver(key, value) {
    waiting.get(key)?.(value);
    waiting.delete(key);
  }

  function bring(key, address) {
    return new Promise((resolve, reject) => {
      waiting.set(key, resolve);
      const script = document.createElement("script");
      script.src = address;
      script.onerror = () => reject(new Error(`${address} cannot be read`));
      document.head.append(script);
    });
  }

  const folder = new URL(".", document.currentScript.src).href;

  function add(name, genome) {
    genome.name = name;
    genome.coarse = bytes(genome.coarse);
    genome.pieces = new Map();
    genomes.set(name, genome);
  }

  function piece(genome, k) {
    if (!genome.shards.includes(k)) return Promise.resolve(null);
    if (!genome.pieces.has(k)) {
      const key = `${genome.name}/${k}`;
      const coming = bring(key, `${folder}${genome.name}/output_${k}.js`).then(bytes);
      genome.pieces.set(k, coming);
    }
    return genome.pieces.get(k);
  }

  // ---------------------------------------------------------------- output as igv.js wants it

  const probability = (genome, level) => genome.floor * 2 ** ((level - 2) / genome.steps);

  // the highest level of each bin of both strands; levels below 2 are nothing to show
  function collect(features, genome, levels, first, step, start, end, width) {
    const half = levels.length / 2;
    const from = Math.max(0, Math.floor((start - first) / step));
    const to = Math.min(half, Math.ceil((end - first) / step));
    const stride = Math.max(1, Math.round(width / step));
    const begin = Math.floor((first / step + from) / stride) * stride - first / step;
    for (let i = begin; i < to; i += stride) {
      for (const row of [0, 1]) {
        let top = 0;
        for (let j = Math.max(i, 0); j < Math.min(i + stride, half); j++) {
          top = Math.max(top, levels[row * half + j]);
        }
        if (top < 2) continue;
        const p = probability(genome, top);
        const height = scale === "log" ? Math.log10(p / genome.floor) + 0.02 : p;
        features.push({
          chr: genome.contig,
          start: first + Math.max(i, 0) * step,
          end: first + Math.min(i + stride, half) * step,
          value: row ? -height : height,
          output: p,
          strand: row ? "-" : "+",
        });
      }
    }
  }

  const source = (genome) => ({
    searchable: false,
    getHeader: async () => ({}),
    supportsWholeGenome: () => false,
    async getFeatures({ start, end, bpPerPixel }) {
      const features = [];
      start = Math.max(0, Math.floor(start));
      end = Math.min(genome.length, Math.ceil(end));
      if (bpPerPixel >= genome.coarseWidth / 2) {
        const width = genome.coarseWidth * Math.ceil(bpPerPixel / genome.coarseWidth);
        collect(features, genome, genome.coarse, 0, genome.coarseWidth, start, end, width);
        return features;
      }
      const size = genome.shardSize;
      for (let k = Math.floor(start / size); k * size < end; k++) {
        const levels = await piece(genome, k);
        if (levels) collect(features, genome, levels, k * size, 1, start, end, bpPerPixel);
      }
      return features;
    },
  });

  const read = (p) => Number(p.toPrecision(2)).toString();

  function outputTrack(genome) {
    const log = scale === "log";
    const limit = Math.ceil(Math.log10(genome.top / genome.floor) * 2) / 2;
    return {
      type: "wig",
      id: "output",
      name: log ? `Output: powers of ten above ${read(genome.floor)}` : "Output: probability",
      featureSource: source(genome),
      height: 160,
      color: PLUS,
      altColor: MINUS,
      summarize: false,
      order: 2,
      ...(log ? { min: -limit, max: limit } : { autoscale: true }),
    };
  }

  // ---------------------------------------------------------------- tracks that come whole

  const unpack = (genome, columns, rows) =>
    rows.map((row) => ({
      chr: genome.contig,
      ...Object.fromEntries(columns.map((column, i) => [column, row[i]])),
    }));

  function supportTrack(genome) {
    const features = genome.support.map(([start, strand, n]) => ({
      chr: genome.contig,
      start,
      end: Math.min(start + genome.bin, genome.length),
      value: strand === "+" ? n : -n,
    }));
    return {
      type: "wig",
      id: "support",
      name: `Sources, per ${genome.bin} nt`,
      featureSource: {
        searchable: false,
        getHeader: async () => ({}),
        supportsWholeGenome: () => false,
        getFeatures: async ({ start, end }) =>
          features.filter((one) => one.start < end && one.end > start),
      },
      height: 70,
      min: -genome.nSources,
      max: genome.nSources,
      color: PLUS,
      altColor: MINUS,
      summarize: false,
      order: 3,
    };
  }

  function tracks(genome) {
    const pseudo = "rgb(150, 100, 150)";
    const list = [
      {
        type: "annotation",
        id: "genes",
        name: "Genes",
        features: unpack(genome, ["start", "end", "strand", "name", "locus_tag", "kind"], genome.genes),
        searchableFields: ["name", "locus_tag"],
        displayMode: "EXPANDED",
        color: (one) =>
          one.kind === "pseudogene" ? pseudo : one.strand === "-" ? MINUS : PLUS,
        height: 80,
        order: 1,
      },
      outputTrack(genome),
      supportTrack(genome),
    ];
    genome.tables.forEach((table, i) =>
      list.push({
        type: "annotation",
        id: table.id,
        name: table.name,
        features: unpack(genome, ["start", "end", "strand", "name"], table.rows),
        searchable: false,
        displayMode: "SQUISHED",
        color: (one) => (one.strand === "-" ? MINUS : PLUS),
        height: 40,
        order: 4 + i,
      }),
    );
    return list;
  }

  // ---------------------------------------------------------------- the page

  const region = (genome, start, end) => `${genome.contig}:${start + 1}-${end}`;
  const element = (id) => document.getElementById(`genoattn-${id}`);

  async function reference(genome) {
    // igv.js takes the length from here; where the sequence is not there, of one nucleotide
    let letters = "N";
    if (genome.sequence) {
      letters = await (genome.letters ??= bring(
        `${genome.name}/sequence`,
        `${folder}${genome.name}/sequence.js`,
      ));
    }
    const fasta = `>${genome.contig}:1-2 @len=${genome.length}\n${letters}\n`;
    return {
      id: genome.contig,
      name: genome.title,
      fastaURL: `data:application/octet-stream;base64,${btoa(fasta)}`,
      indexed: false,
      wholeGenomeView: false,
    };
  }

  async function open(name, locus) {
    const genome = genomes.get(name);
    const place = genome.places.find((one) => one.key === locus);
    const target = place ? region(genome, place.start, place.end) : locus;
    mark(name, place?.key);
    const main = element("browser");
    shown = name;
    for (const [other, view] of views) view.box.hidden = other !== name;
    if (!views.has(name)) {
      const box = document.createElement("div");
      main.append(box);
      const view = { box, scale, browser: null };
      views.set(name, view);
      view.ready = create(genome, box, target).then((browser) => {
        view.browser = browser;
        browser.on("locuschange", () => tell(name));
      });
      await view.ready;
    } else {
      await views.get(name).ready;
      await views.get(name).browser.search(target);
    }
    await rescale();
    tell(name);
  }

  function tell(name) {
    if (name !== shown) return;
    const main = element("browser");
    main.dataset.locus = views.get(name).browser.currentLoci().toString();
    main.dataset.genome = name;
  }

  async function create(genome, box, locus) {
    const browser = await igv.createBrowser(box, {
      reference: await reference(genome),
      locus,
      loadDefaultGenomes: false,
      search: false,
      showSampleNames: false,
      queryParametersSupported: false,
      minimumBases: 40,
      ...(box.clientWidth < 600 ? NARROW : {}),
      roi: genome.unread.length
        ? [
            {
              name: "no output",
              color: "rgba(120, 120, 120, 0.15)",
              features: genome.unread.map(([start, end]) => ({ chr: genome.contig, start, end })),
            },
          ]
        : [],
      tracks: tracks(genome),
    });
    if (!genome.sequence) {
      browser.findTracks("type", "sequence").forEach((one) => browser.removeTrack(one));
    }
    popup(browser);
    return browser;
  }

  // what a click on the output tells: the probability itself, whatever the scale
  function popup(browser) {
    for (const track of browser.findTracks("id", "output")) {
      track.popupData = (click) => {
        const at = click.genomicLocation;
        const near = track
          .clickedFeatures(click)
          .sort((a, b) => Math.abs(a.start - at) - Math.abs(b.start - at))
          .slice(0, 4);
        return near.flatMap((one) => [
          { name: "Position", value: (one.end - one.start > 1 ? "from " : "") + (one.start + 1) },
          { name: "Strand", value: one.strand },
          { name: one.end - one.start > 1 ? "Highest output" : "Output", value: read(one.output) },
          "<hr/>",
        ]);
      };
    }
  }

  function mark(name, key) {
    const genome = genomes.get(name);
    for (const button of element("genomes").children) {
      button.setAttribute("aria-pressed", button.dataset.genome === name);
    }
    const list = element("places");
    list.replaceChildren(
      ...genome.places.map((place) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = place.title;
        button.dataset.place = place.key;
        button.setAttribute("aria-pressed", place.key === key);
        button.addEventListener("click", () => go(name, place.key));
        return button;
      }),
    );
    const place = genome.places.find((one) => one.key === key);
    element("caption").textContent = place ? place.caption.replaceAll("*", "") : "";
    element("note").textContent = genome.note;
    element("note").classList.toggle("genoattn-private", genome.private);
  }

  function go(name, locus) {
    history.replaceState(null, "", `#${name}--${locus}`);
    return open(name, locus).catch(complain);
  }

  function complain(error) {
    console.error(error);
    element("caption").textContent = `The browser cannot be shown: ${error.message}`;
  }

  // the output of the shown genome on the chosen scale
  async function rescale() {
    for (const button of element("scales").children) {
      button.setAttribute("aria-pressed", button.dataset.scale === scale);
    }
    const view = views.get(shown);
    if (view.scale === scale) return;
    view.scale = scale;
    view.browser.findTracks("id", "output").forEach((one) => view.browser.removeTrack(one));
    await view.browser.loadTrack(outputTrack(genomes.get(shown)));
    popup(view.browser);
  }

  // #ecoli--head-on, or #ecoli--NC_000913.3:1000-2000
  function asked() {
    const [name, ...rest] = decodeURIComponent(location.hash.slice(1)).split("--");
    const genome = genomes.get(name) ?? genomes.values().next().value;
    const locus = genomes.has(name) && rest.join("--");
    const first = genome.places[0]?.key ?? region(genome, 0, Math.min(genome.length, 10000));
    return [genome.name, locus || first];
  }

  function start() {
    if (!element("browser")) return;
    element("genomes").replaceChildren(
      ...[...genomes.values()].map((genome) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = genome.title;
        button.dataset.genome = genome.name;
        button.addEventListener("click", () => go(genome.name, genome.places[0]?.key ?? ""));
        return button;
      }),
    );
    for (const button of element("scales").children) {
      button.addEventListener("click", () => {
        scale = button.dataset.scale;
        rescale().catch(complain);
      });
    }
    for (const button of element("zoom").children) {
      button.addEventListener("click", () => {
        const browser = views.get(shown)?.browser;
        if (browser) button.dataset.zoom === "in" ? browser.zoomIn() : browser.zoomOut();
      });
    }
    for (const link of document.querySelectorAll("a[data-genoattn]")) {
      link.addEventListener("click", (event) => {
        event.preventDefault();
        go(...link.dataset.genoattn.split("--"));
        element("main").scrollIntoView({ behavior: "smooth" });
      });
    }
    window.addEventListener("hashchange", () => open(...asked()).catch(complain));
    open(...asked()).catch(complain);
  }

  document.addEventListener("DOMContentLoaded", start);
  return {
    add,
    shard: (name, k, text) => deliver(`${name}/${k}`, text),
    sequence: (name, text) => deliver(`${name}/sequence`, text),
    get igv() {
      return views.get(shown)?.browser;
    },
  };
})();
