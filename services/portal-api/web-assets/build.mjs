// Builds everything under src/portal_api/web/static from this folder. `make assets` runs it; the result is committed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { transformSync } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const target = process.argv[2] ?? join(here, "../src/portal_api/web/static");
const INPUTS = ["build.mjs", "icons.txt", "pack_scalar.py", "package.json", "portal.js", "tollway.css", "tollway.js", "utilities.txt"];

mkdirSync(target, { recursive: true });
const words = (name) => readFileSync(join(here, name), "utf8").split("\n").filter((line) => !line.startsWith("#")).join(" ").split(/\s+/).filter(Boolean);

// Tailwind makes the listed utilities and no others, so that templates may change without a new build.
const sheet = readFileSync(join(here, "tollway.css"), "utf8").replace("/* utilities */", words("utilities.txt").map((name) => `@source inline("${name}");`).join("\n"));
// Dark by choice (the class) and dark by the system's wish (the media query) share one list of colours.
const dark = /\n\.dark \{([^}]*)\}/.exec(sheet)[1];
const both = sheet.replace(/\n\.dark \{/, `\n@media (prefers-color-scheme: dark) { html:not(.light) { color-scheme: dark;${dark}} }$&`);
writeFileSync(join(here, "generated.css"), both);
try {
  execFileSync(process.execPath, [join(modules, "@tailwindcss/cli/dist/index.mjs"), "--input", "generated.css", "--output", join(target, "tollway.css"), "--minify"], { cwd: here, stdio: ["ignore", "ignore", "inherit"] });
} finally {
  rmSync(join(here, "generated.css"));
}

// One file: as two, htmx may process the page before its extension is registered, and the stream never opens.
const own = transformSync(readFileSync(join(here, "tollway.js"), "utf8"), { minify: true, format: "iife", target: "es2022" }).code;
const parts = [readFileSync(join(modules, "htmx.org/dist/htmx.min.js"), "utf8"), readFileSync(join(modules, "htmx.org/dist/ext/hx-sse.min.js"), "utf8"), own];
writeFileSync(join(target, "tollway.js"), parts.map((part) => part.replace(/\n\/\/# sourceMappingURL=.*/g, "").trim()).join(";\n") + "\n");

// The Developer Portal's own part, and the viewer of its API reference, which only one page loads.
writeFileSync(join(target, "portal.js"), transformSync(readFileSync(join(here, "portal.js"), "utf8"), { minify: true, format: "iife", target: "es2022" }).code);
execFileSync("python3", [join(here, "pack_scalar.py"), join(modules, "@scalar/api-reference"), join(target, "scalar.zip")], { stdio: "inherit" });

const icons = {};
for (const name of words("icons.txt")) {
  const svg = readFileSync(join(modules, "lucide-static/icons", `${name}.svg`), "utf8");
  icons[name] = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
}
writeFileSync(join(target, "icons.json"), JSON.stringify(icons, null, 0) + "\n");

const font = (family) => join(modules, `@fontsource-variable/${family}/files/${family}-latin-wght-normal.woff2`);
for (const family of ["geist", "geist-mono"]) copyFileSync(font(family), join(target, `${family}.woff2`));

const licences = [["htmx", "htmx.org"], ["Basecoat", "basecoat-css"], ["Tailwind CSS", "tailwindcss"], ["Lucide", "lucide-static"], ["Geist", "@fontsource-variable/geist"], ["Scalar API Reference", "@scalar/api-reference"]];
const licence = (folder) => {
  for (const name of ["LICENSE", "LICENSE.md", "license"]) {
    try {
      return readFileSync(join(modules, folder, name), "utf8").trim();
    } catch {}
  }
  return JSON.parse(readFileSync(join(modules, folder, "package.json"), "utf8")).license + " (see the package)";
};
writeFileSync(join(target, "LICENSES.txt"), licences.map(([name, folder]) => `== ${name}\n${licence(folder)}\n`).join("\n"));

const hash = createHash("sha256");
for (const name of INPUTS) hash.update(name + "\0").update(readFileSync(join(here, name))).update("\0");
writeFileSync(join(target, "built-from.txt"), hash.digest("hex") + "\n");
