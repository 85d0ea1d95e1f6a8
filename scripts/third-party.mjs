// The notices of what is bundled: every package that esbuild took something from, with its licence.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A package's folder, also one inside another package. */
const folderPattern = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;
const noticePattern = /^(?:licen[cs]e|copying|notice)/i;
const line = "=".repeat(78);
const sectionPattern = /^#*\s*licen[cs]e\s*\n[\s\S]+$/im;

const everyOf = (scope, names, holder) =>
  Object.fromEntries(names.map((name) => [`${scope}/${name}`, `Copyright (c) ${holder}`]));
/** Packages that ship no licence text: who holds the copyright, by the licence of their repository. */
const holders = {
  "@nodable/entities": "Copyright (c) Amit Gupta",
  "abstract-logging": "Copyright (c) James Sumners",
  "cross-inspect": "Copyright (c) 2020 The Guild, Inc.",
  "onnxruntime-web": "Copyright (c) Microsoft Corporation",
  ...everyOf("@graphql-tools", ["executor", "merge", "schema", "utils"], "2020 The Guild, Inc."),
  ...everyOf(
    "@whatwg-node",
    ["disposablestack", "events", "fetch", "node-fetch", "promise-helpers", "server"],
    "2023 Arda TANRIKULU",
  ),
};
const mit = (holder) => `MIT License

${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;

/** Text for dist/THIRD-PARTY.txt. Throws for a package whose licence is not known: do not bundle it. */
export async function thirdPartyNotices(root, metafile) {
  const taken = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((path) => inputs[path].bytesInOutput > 0),
  );
  const folders = new Set(taken.flatMap((path) => path.match(folderPattern)?.[0] ?? []));
  const packages = await Promise.all([...folders].sort().map((folder) => describe(root, folder)));
  const texts = new Set(packages.map((one) => textOf(one, packages)));
  const notices = [...texts].map((text) => {
    const titles = packages
      .filter((one) => textOf(one, packages) === text)
      .map(({ title }) => title);
    return `${[...new Set(titles)].join("\n")}\n${line}\n${text}\n`;
  });
  return `The bundle of tu-analyze contains these packages.\n\n${notices.join("\n")}`;
}

async function describe(root, folder) {
  const directory = join(root, folder);
  const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const { license, name, version } = manifest;
  const files = (await readdir(directory)).filter((file) => noticePattern.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  const text = texts.map((each) => each.trim()).join("\n\n") || (await readmeSection(directory));
  return { name, title: `${name} ${version} (${license})`, license, text };
}

async function readmeSection(directory) {
  const readme = await readFile(join(directory, "README.md"), "utf8").catch(() => "");
  const section = readme.match(sectionPattern)?.[0] ?? "";
  return /copyright/i.test(section) ? section.trim() : "";
}

/** The Apache License names nobody, so one package's copy is every package's. */
function textOf({ license, name, text, title }, packages) {
  if (text !== "") return text;
  if (license === "MIT" && name in holders) return mit(holders[name]);
  const shared = packages.find((other) => other.license === license && other.text !== "")?.text;
  if (license === "Apache-2.0" && shared !== undefined) return shared;
  throw new Error(`no licence text for ${title}`);
}
