// What the programs beside share: a server of a folder, and the browser that is installed.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { chromium } from "playwright-core";

const TYPES = {
  ".css": "text/css", ".gif": "image/gif", ".html": "text/html", ".js": "text/javascript",
  ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain",
  ".woff2": "font/woff2",
};
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Serve a folder on a free port, parts of files too; a page must not know that it is read from files. */
export function serve(folder) {
  const server = createServer((request, response) => {
    const path = join(folder, decodeURIComponent(new URL(request.url, "http://x").pathname));
    const file = existsSync(path) && statSync(path).isDirectory() ? join(path, "index.html") : path;
    if (!file.startsWith(folder) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const size = statSync(file).size;
    const head = { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Accept-Ranges": "bytes" };
    const part = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const first = part ? Number(part[1]) : 0;
    const last = part && part[2] ? Math.min(Number(part[2]), size - 1) : size - 1;
    if (part) head["Content-Range"] = `bytes ${first}-${last}/${size}`;
    response.writeHead(part ? 206 : 200, { ...head, "Content-Length": last - first + 1 });
    createReadStream(file, { start: first, end: last }).pipe(response);
  });
  return new Promise((ready) => server.listen(0, "127.0.0.1", () => ready(server)));
}

/** Start the browser that is installed, or the one that $CHROMIUM names. */
export function browse() {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find((one) => existsSync(one));
  if (!executablePath) throw new Error("no Chromium or Chrome is installed; name one: CHROMIUM=/path/to/it");
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}
