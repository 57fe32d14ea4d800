// Builds the page's files: `node build.mjs` writes them where the package has them, `--check` compares instead, and
// `--tests` bundles the tests into build/.
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const PAGE = path.join(HERE, "..", "pegasus_jax", "inference", "web_page");
const NOTICE = "/* PEGASUS-JAX, Apache-2.0. Built from web/ by `npm run build`. */";
const ASSEMBLY = ["-O3", "--runtime", "stub", "--noAssert", "--enable", "simd", "--use", "abort="];
const COMMON = { bundle: true, target: "es2022", legalComments: "none", logLevel: "warning" };

/** The worker's code as a text inside the bundle: a page opened from a disk may start no worker from a file. */
const workerAsText = {
  name: "worker-as-text",
  setup(context) {
    context.onResolve({ filter: /^worker:/ }, ({ path: name, resolveDir }) => ({
      path: path.join(resolveDir, name.slice("worker:".length)),
      namespace: "worker",
    }));
    context.onLoad({ filter: /.*/, namespace: "worker" }, async ({ path: file }) => {
      const result = await build({
        ...COMMON,
        entryPoints: [file],
        format: "iife",
        minify: true,
        write: false,
        plugins: [assemblyAsBytes],
      });
      return { contents: result.outputFiles[0].text, loader: "text" };
    });
  },
};

/** A module of AssemblyScript as bytes of WebAssembly. */
const assemblyAsBytes = {
  name: "assembly-as-bytes",
  setup(context) {
    context.onResolve({ filter: /^assembly:/ }, ({ path: name, resolveDir }) => ({
      path: path.join(resolveDir, name.slice("assembly:".length)),
      namespace: "assembly",
    }));
    context.onLoad({ filter: /.*/, namespace: "assembly" }, async ({ path: file }) => {
      const folder = await mkdtemp(path.join(tmpdir(), "assembly-"));
      try {
        const out = path.join(folder, "out.wasm");
        const { error, stderr } = await asc.main([path.relative(HERE, file), ...ASSEMBLY, "-o", out]);
        if (error) throw new Error(stderr.toString());
        return { contents: await readFile(out), loader: "binary" };
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  },
};

async function writePage(folder) {
  const options = { ...COMMON, minify: true, banner: { js: NOTICE }, plugins: [workerAsText] };
  await build({
    ...options,
    entryPoints: ["src/page.ts"],
    format: "iife",
    outfile: path.join(folder, "page.js"),
  });
  await build({
    ...options,
    entryPoints: ["src/embed.ts"],
    format: "esm",
    outfile: path.join(folder, "embed.js"),
  });
  for (const name of ["index.html", "page.css"]) {
    await copyFile(path.join("src", name), path.join(folder, name));
  }
}

async function differing(folder) {
  const names = new Set([...(await readdir(folder)), ...(await readdir(PAGE))]);
  const read = (where, name) => readFile(path.join(where, name)).catch(() => Buffer.from("missing"));
  const different = [];
  for (const name of names) {
    if (!(await read(folder, name)).equals(await read(PAGE, name))) different.push(name);
  }
  return different;
}

process.chdir(HERE);
if (process.argv.includes("--tests")) {
  const tests = (await readdir("test")).filter((name) => name.endsWith(".test.ts"));
  const entryPoints = tests.map((name) => path.join("test", name));
  await build({
    ...COMMON,
    entryPoints,
    plugins: [assemblyAsBytes],
    format: "esm",
    platform: "node",
    outdir: "build",
    outExtension: { ".js": ".mjs" },
  });
} else if (process.argv.includes("--check")) {
  const folder = await mkdtemp(path.join(tmpdir(), "page-"));
  await writePage(folder);
  const different = await differing(folder);
  await rm(folder, { recursive: true });
  if (different.length > 0) {
    console.error(`${different.join(", ")} in ${PAGE} are not what web/ builds; run npm run build.`);
    process.exitCode = 1;
  }
} else {
  await mkdir(PAGE, { recursive: true });
  await writePage(PAGE);
}
