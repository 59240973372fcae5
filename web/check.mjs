// Open every page of the built book in headless Chromium, and say what a reader would stumble on.
//
//   node web/check.mjs [SITE] [--pages TEXT] [--pictures FOLDER] [--report FILE]
//
// SITE is the folder of the rendered book (_build/html). --pages looks only at pages whose path
// holds the text. --pictures also takes a picture of each page: 1,300 px wide, 390 px, and dark.
//
// The exit status is 1 if a page has a serious accessibility finding of axe (WCAG 2 A and AA), a
// picture without alternative text or with that of another, a script error, a request that leaves the site or fails, a link
// that leads nowhere, scrolls sideways at 390 px, or is cut off in print. How much of a page's height is prose is
// reported for each page and fails nothing.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";

import { browse, serve } from "./serve.mjs";

const PATIENCE = 180_000; // ms, for a busy machine
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SERIOUS = ["serious", "critical"];
const ROUTES = { // names that a page's own script reads
  "book/browser.html": /^(ecoli|demo)--/, "slides/session-1.html": /^\//, "slides/session-2.html": /^\//,
};
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1300, height: 900 };
const PAPER = { width: 688, height: 1002 }; // A4 without its margins, in CSS pixels

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pages: { type: "string", default: "" },
    pictures: { type: "string" },
    report: { type: "string" },
  },
});
const site = resolve(positionals[0] ?? "_build/html");

/** List the pages of the book, without parts of other programs. */
function pages(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".html") && !/^(_static|_sources|_images)/.test(name))
    .filter((name) => !/<meta[^>]+http-equiv="?refresh/i.test(readFileSync(join(folder, name), "utf8"))) // sends on
    .map((name) => name.split(sep).join("/"))
    .sort();
}

/** In the page: pictures without words, links, ids, titles, and how its height is shared. */
function look() {
  const article = document.querySelector("article") ?? document.body;
  const unnamed = [...document.querySelectorAll("img")]
    .filter((one) => !one.hasAttribute("alt") || /^(\.\.\/)*_images\//.test(one.getAttribute("alt")))
    .map((one) => one.getAttribute("src").slice(-60));
  const empty = [...article.querySelectorAll("img[alt='']")].map((one) => one.getAttribute("src").slice(-60));
  const texts = {};
  for (const one of article.querySelectorAll("img[alt]")) {
    if (one.alt) (texts[one.alt] ??= new Set()).add(one.src);
  }
  const alike = Object.keys(texts).filter((text) => texts[text].size > 1);
  const links = [...document.querySelectorAll("a[href]")]
    .map((one) => one.href)
    .filter((href) => href.startsWith(location.origin));
  const ids = [...document.querySelectorAll("[id],a[name]")].map((one) => one.id || one.name);
  const tall = { prose: 0, figures: 0, tables: 0, code: 0 };
  const kinds = [
    ["tables", "table"], ["figures", "img,svg,canvas,iframe,.drawing"], ["code", "div.highlight,pre"],
    ["prose", "p,li,dt,dd,h1,h2,h3,h4,div.math"],
  ];
  const counted = [];
  for (const [kind, chosen] of kinds) {
    for (const one of article.querySelectorAll(chosen)) {
      if (counted.some((other) => other.contains(one) || (kind !== "prose" && one.contains(other)))) continue;
      if (kind === "prose" && one.querySelector("p,li,dt,dd,table,img,pre")) continue;
      const height = one.getBoundingClientRect().height;
      const folded = one.closest(".toggle-hidden") && !one.matches(".admonition-title");
      if (!height || folded || !one.checkVisibility({ visibilityProperty: true })) continue;
      counted.push(one);
      tall[kind] += height;
    }
  }
  return { unnamed, empty, alike, links, ids, tall, height: article.scrollHeight, title: document.title };
}

/** In the page: how far it scrolls sideways, and what sticks out. */
function sideways() {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 1) return null;
  const held = (one) => {
    for (let up = one.parentElement; up && !up.matches("article"); up = up.parentElement) {
      if (/auto|scroll|hidden|clip/.test(getComputedStyle(up).overflowX)) return true;
    }
    return false;
  };
  const out = [...document.querySelectorAll("article *")].filter(
    (one) => one.getBoundingClientRect().right > innerWidth + 1 && !held(one),
  );
  const inner = out.find((one) => !out.some((other) => other !== one && one.contains(other)));
  const words = inner?.textContent.trim().replaceAll(/\s+/g, " ").slice(0, 60);
  return `${wide} px: ${inner ? `<${inner.tagName.toLowerCase()}> ${words}` : "outside the text"}`;
}

/** In the page, as it is printed: what is cut off at the right, and what belongs to the screen only. */
function cut() {
  const out = [...document.querySelectorAll("article :is(pre, table, img, p, li)")].filter((one) => {
    const { right, width } = one.getBoundingClientRect();
    const hidden = getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1;
    return width && one.checkVisibility() && (right > innerWidth + 1 || hidden);
  });
  const screen = [...document.querySelectorAll(".bd-sidebar, .bd-header, .bd-header-article, .copybtn, .toggle-button")];
  const shown = screen.filter((one) => one.checkVisibility() && one.getBoundingClientRect().height);
  const told = (one) => `<${one.tagName.toLowerCase()}> ${one.textContent.trim().replaceAll(/\s+/g, " ").slice(0, 60)}`;
  return [
    ...out.slice(0, 1).map((one) => `is cut off in print: ${told(one)}`),
    ...shown.slice(0, 1).map((one) => `is printed, and belongs to the screen: ${told(one)}`),
  ];
}

const server = await serve(site);
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await browse();
const context = await browser.newContext({ viewport: DESKTOP, deviceScaleFactor: 1 });
const found = {};
const seen = {};
for (const name of pages(site).filter((one) => one.includes(given.pages))) {
  const says = [];
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on("pageerror", (error) => says.push(`script error: ${error.message.split("\n")[0]}`));
  page.on("request", (request) => {
    const address = request.url();
    if (!address.startsWith(origin) && !/^(data|blob):/.test(address)) says.push(`asks another server: ${address}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) says.push(`loads what is not there: ${response.url().replace(origin, "")}`);
  });
  await page.goto(`${origin}/${name}`, { waitUntil: "load", timeout: PATIENCE });
  await page.waitForTimeout(300);
  const looked = await page.evaluate(look);
  seen[name] = looked;
  looked.unnamed.forEach((one) => says.push(`picture without alternative text: ${one}`));
  looked.empty.forEach((one) => says.push(`picture of the text with empty alternative text: ${one}`));
  looked.alike.forEach((one) => says.push(`different pictures with one alternative text: ${one.slice(0, 60)}`));
  await page.addScriptTag({ path: AXE });
  const { violations } = await page.evaluate(() =>
    window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"],
    }),
  );
  for (const one of violations.filter((violation) => SERIOUS.includes(violation.impact))) {
    says.push(`axe ${one.id} (${one.nodes.length}): ${one.nodes[0].target.join(" ")}`);
  }
  const views = [["desktop", DESKTOP, "light"], ["phone", PHONE, "light"], ["dark", DESKTOP, "dark"]];
  for (const [view, size, mode] of views) {
    if (view === "dark" && !given.pictures) continue;
    await page.setViewportSize(size);
    await page.evaluate((chosen) => { document.documentElement.dataset.theme = chosen; }, mode);
    await page.waitForTimeout(150);
    if (view === "phone") {
      const out = await page.evaluate(sideways);
      if (out) says.push(`scrolls sideways at ${PHONE.width} px by ${out}`);
    }
    if (given.pictures) {
      const file = join(given.pictures, `${name.replaceAll("/", "_").replace(".html", "")}.${view}.png`);
      mkdirSync(dirname(file), { recursive: true });
      await page.screenshot({ path: file, fullPage: true });
    }
  }
  if (looked.ids.includes("jb-print-docs-body")) { // pages of the theme; decks print by themselves
    await page.setViewportSize(PAPER);
    await page.emulateMedia({ media: "print" });
    await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
    await page.waitForTimeout(400); // what is folded opens
    says.push(...(await page.evaluate(cut)));
  }
  await page.close();
  found[name] = [...new Set(says)];
  process.stderr.write(`${name}: ${found[name].length}\n`);
}
await browser.close();
server.close();

// Links are looked up when all pages were read, as they lead from one to the other.
for (const [name, { links }] of Object.entries(seen)) {
  for (const href of new Set(links)) {
    const { pathname, hash } = new URL(href);
    const path = relative(site, join(site, decodeURIComponent(pathname))).split(sep).join("/") || "index.html";
    const target = decodeURIComponent(hash.slice(1));
    if (!existsSync(join(site, path))) found[name].push(`link leads nowhere: ${path}`);
    else if (ROUTES[path]?.test(target)) continue;
    else if (target && seen[path] && !seen[path].ids.includes(target)) {
      found[name].push(`link leads to no place on its page: ${path}#${target}`);
    }
  }
}

console.log("share of the height:  prose  figures  tables  code   page");
for (const [name, { tall, height }] of Object.entries(seen)) {
  const whole = Object.values(tall).reduce((sum, one) => sum + one, 0) || 1;
  const shares = Object.values(tall).map((one) => `${Math.round((100 * one) / whole)} %`.padStart(7));
  console.log(`${`${height} px`.padStart(20)} ${shares.join(" ")}   ${name}`);
}
const bad = Object.entries(found).filter(([, says]) => says.length);
for (const [name, says] of bad) console.log(`\n${name}\n${says.map((one) => `  ${one}`).join("\n")}`);
console.log(`\n${Object.keys(found).length} pages looked at, ${bad.length} with findings`);
if (given.report) writeFileSync(given.report, JSON.stringify({ found, seen }, null, 1));
process.exitCode = bad.length ? 1 : 0;
