// Print the study as one PDF with an outline, from the built pages, in headless Chromium.
//
//   node web/pdf.mjs [SITE] [FILE]
//
// SITE is the folder of the rendered book (_build/html), FILE what is written
// (SITE/genoattn-book.pdf). First page, study and Learn, in the order of the table of contents. What
// is folded away on the pages is left out, but for answers to questions; so is what only a pointer
// can move. Links between these pages lead to their place in it.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { browse, serve } from "./serve.mjs";

const PATIENCE = 300_000; // ms, for a busy machine
const PRINTED = /^book\/(intro|study\/|learn\/|bibliography)/;
const site = resolve(process.argv[2] ?? "_build/html");
const file = process.argv[3] ?? join(site, "genoattn-book.pdf");
const pages = [...readFileSync("_toc.yml", "utf8").matchAll(/(?:root|file): (\S+)/g)]
  .map((found) => found[1])
  .filter((page) => PRINTED.test(page));

/** In a page: its text, with addresses that hold wherever it stands and names that occur once. */
function take(name) {
  const article = document.querySelector("article");
  article.querySelectorAll("details").forEach((one) => {
    if (one.querySelector("summary")?.textContent.trim() === "Answer") one.open = true;
    else one.remove();
  });
  article.querySelectorAll(".genoattn-explorer").forEach((one) => {
    one.outerHTML = "<p><em>The explorer is part of the book's pages, not of this print.</em></p>";
  });
  const away = ".headerlink,script,.admonition.dropdown,.cell_input,iframe,.prev-next-area";
  article.querySelectorAll(away).forEach((one) => one.remove());
  article.querySelectorAll("img").forEach((one) => { one.src = one.src; one.loading = "eager"; });
  article.querySelectorAll("[id]").forEach((one) => { one.id = `${name}--${one.id}`; });
  article.querySelectorAll("a[href]").forEach((one) => {
    const address = new URL(one.href);
    if (address.origin !== location.origin) return;
    const page = address.pathname.slice(1).replace(/\.html$/, "");
    one.setAttribute("href", `#${page}${address.hash ? `--${address.hash.slice(1)}` : ""}`);
  });
  const maths = document.querySelector("#MJX-CHTML-styles");
  const rules = maths ? [...maths.sheet.cssRules].map((rule) => rule.cssText).join("\n") : "";
  const sheets = [...document.querySelectorAll("link[rel=stylesheet]")].map((one) => one.href);
  return { body: article.innerHTML, rules, sheets };
}

const server = await serve(site);
const origin = `http://127.0.0.1:${server.address().port}`;
const browser = await browse();
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
const taken = [];
for (const name of pages) {
  if (!existsSync(join(site, `${name}.html`))) throw new Error(`${name}.html is missing: run make book`);
  await page.goto(`${origin}/${name}.html`, { waitUntil: "networkidle", timeout: PATIENCE });
  taken.push({ name, ...(await page.evaluate(take, name)) });
}
const sheets = [...new Set(taken.flatMap((one) => one.sheets))].map((one) => `<link rel="stylesheet" href="${one}">`);
await page.goto(`${origin}/robots.txt`); // same origin, so that pictures and fonts load
await page.setContent(
  `<!DOCTYPE html><html lang="en" data-theme="light"><head><title>How attention reads promoters</title>
${sheets.join("\n")}<style>${taken.map((one) => one.rules).join("\n")}
html { font-size: 62.5% } body { background: white } section > h1 { break-before: page }
main { font-size: 1.5rem } h1 { font-size: 2rem; letter-spacing: -0.01em } h2 { font-size: 1.8rem }
h3 { font-size: 1.6rem } h1, h2, h3, h4 { break-after: avoid; font-weight: bold }
img, figure, tr, .admonition, .caption { break-inside: avoid } .caption { break-before: avoid }
img { max-height: 200mm; max-width: 100% }
.bd-article table.table { display: table; width: 100%; font-size: 1.2rem }
</style></head><body><main class="bd-article">
${taken.map((one) => `<div id="${one.name}">${one.body}</div>`).join("\n")}</main></body></html>`,
  { waitUntil: "load", timeout: PATIENCE },
);
await page.evaluate(() => Promise.all([...document.images].map((one) => one.decode().catch(() => null))));
await page.pdf({
  path: `${file}.part`, format: "A4", printBackground: true, outline: true, tagged: true,
  margin: { top: "18mm", bottom: "18mm", left: "16mm", right: "16mm" }, displayHeaderFooter: true,
  headerTemplate: "<span></span>",
  footerTemplate: '<div style="font-size:8px;width:100%;text-align:center"><span class="pageNumber"></span></div>',
});
await browser.close();
server.close();
// Chromium writes a heading that moved to the next page twice into its line of the outline. Spaces
// keep all that follows at its place in the file.
const printed = readFileSync(`${file}.part`, "latin1");
writeFileSync(`${file}.part`, printed.replaceAll(
  /\/Title (\((.+?)\2\)|<FEFF([0-9A-F]+?)\3>)/g,
  (all, _, plain, coded) => (plain ? `/Title (${plain})` : `/Title <FEFF${coded}>`).padEnd(all.length),
), "latin1");
renameSync(`${file}.part`, file);
console.log(`${pages.length} pages of the book printed: ${file}`);
